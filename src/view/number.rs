//! Numbers as text of bounded width: separators while they fit, then k, M, G, T.

pub(super) use crate::ipvs::separated;

/// `n` in at most `width` cells (4 or more): `999`, `1,513`, `12.3k`, `4.5M`.
pub(super) fn short(n: u64, width: usize) -> String {
    let plain = separated(n);
    if plain.len() <= width {
        return plain;
    }
    let mut value = n as f64;
    for unit in ["k", "M", "G", "T", "P", "E"] {
        value /= 1000.0;
        // 999.95 would round to 1000.0
        if value < 999.5 || unit == "E" {
            let one = format!("{value:.1}{unit}");
            return if one.len() <= width { one } else { format!("{value:.0}{unit}") };
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_and_keep_their_size() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_513, "1,513"),
            (99_999, "99,999"),
            (100_000, "100.0k"),
            (999_960, "1.0M"),
            (123_456_789, "123.5M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(short(n, 6), text);
        }
        for power in 0..20 {
            for n in [10_u64.pow(power), 10_u64.pow(power) - 1] {
                assert!(short(n, 6).len() <= 6 && short(n, 5).len() <= 5, "{n}");
            }
        }
    }
}
