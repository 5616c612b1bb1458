//! How fast the parsers are.

use super::*;
use crate::kernel::proc::conn::Rows;

/// Prints what the parsers can do, in a release build:
/// `IPVS_TUI_RATES=1 cargo test --release --lib proc::tests::rates -- --nocapture`
#[test]
fn rates() {
    if std::env::var_os("IPVS_TUI_RATES").is_none() {
        return;
    }
    let best_of = |mut work: Box<dyn FnMut()>| {
        let times = (0..9).map(|_| {
            let began = std::time::Instant::now();
            work();
            began.elapsed()
        });
        times.min().unwrap()
    };
    for (family, client) in [("v4", "0A090002"), ("v6", "fd00:0009:0000:0000:0000:0000:0000:0002")]
    {
        let row = format!("TCP {client} AD06 {client} 0050 {client} 0050 ESTABLISHED     894\n");
        let table = row.repeat(1_000_000);
        let time = best_of(Box::new(move || {
            let rows = Rows::new(table.as_bytes());
            let sum: u64 =
                rows.map(|row| u64::from(row.expires) + u64::from(row.is_template())).sum();
            assert_eq!(sum, 894_000_000);
        }));
        println!("{family} connections: {:.1} million rows a second", 1.0 / time.as_secs_f64());
    }
    let mut text = HEADER.to_owned();
    for service in 0..1000 {
        let _ = writeln!(text, "TCP  0A{service:06X}:0050 wlc  ");
        for server in 0..20 {
            let _ = writeln!(
                text,
                "  -> 0B{server:06X}:0050      Masq    10     120        45        "
            );
        }
    }
    let file = text.into_bytes();
    let time = best_of(Box::new(move || assert_eq!(build(&file).len(), 1000)));
    println!("table of 20,000 servers, built: {time:?}");
}
