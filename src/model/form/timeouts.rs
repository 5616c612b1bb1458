//! The fields of the protocol timeouts, and the timeouts that they make.

use super::Form;
use super::field::{Field, Found, Id};
use super::typed::number;
use crate::ipvs::Timeouts;

/// The kernel counts in ticks of an int, 100 to 1000 of them a second: more seconds than this are
/// refused everywhere (`ip_vs_set_timeout`).
const LONGEST: u32 = i32::MAX as u32 / 100;

/// Where some kernels begin to refuse.
const SURELY_TAKEN: u32 = i32::MAX as u32 / 1000;

pub(super) fn present(now: Timeouts) -> Vec<Field> {
    let fields = [
        Field::text(Id::Tcp, "TCP", now.tcp.to_string())
            .hint("seconds that an idle established connection is kept; the default is 900"),
        Field::text(Id::TcpFin, "TCP after FIN", now.tcp_fin.to_string())
            .hint("seconds that a connection is kept after a FIN; the default is 120"),
        Field::text(Id::Udp, "UDP", now.udp.to_string())
            .hint("seconds that an idle UDP flow is kept; the default is 300"),
    ];
    fields.into_iter().map(Field::held).collect()
}

pub(super) fn note(form: &Form, id: Id) -> Option<String> {
    let seconds = number(form.value(id).trim(), "", 0, u32::MAX).ok()?;
    (seconds > SURELY_TAKEN)
        .then(|| format!("some kernels refuse more than {SURELY_TAKEN}, by their clock rate"))
}

/// The timeouts that the fields make. 0 would keep what the kernel has, so it cannot be typed.
pub(super) fn read(form: &Form, before: Timeouts) -> Result<Timeouts, Found> {
    let mut found = Found::default();
    let mut seconds = |id, now| {
        let typed = form.given(id).map(|text| number(text, "timeout in seconds", 1, LONGEST));
        typed.and_then(|read| found.take(id, read)).unwrap_or(now)
    };
    let after = Timeouts {
        tcp: seconds(Id::Tcp, before.tcp),
        tcp_fin: seconds(Id::TcpFin, before.tcp_fin),
        udp: seconds(Id::Udp, before.udp),
    };
    found.or(after)
}
