//! Without IPVS.

use crate::common::lab::{sh, table};
use crate::*;

/// Looking loads nothing and changes nothing.
#[test]
fn nothing_is_loaded_or_changed_by_looking() {
    let Some(_director) = director("tun", &web("-i", &[1, 2])) else { return };
    // Only the names: sizes and uses move by themselves.
    let modules = || sh("cut -d' ' -f1 /proc/modules");
    let before = (modules(), table());
    doctor();
    assert_eq!((modules(), table()), before);

    forget();
    sh("ipvsadm -C; rmmod ip_vs_ftp 2>/dev/null
        for name in $(cut -d' ' -f1 /proc/modules | grep '^ip_vs_'); do rmmod $name; done
        rmmod ip_vs");
    let ran = ipvs_tui(&["doctor"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("this kernel has no IPVS loaded"), "{}", ran.err);
    assert!(!modules().contains("ip_vs"), "{}", modules());
}
