//! How large the connection table can be made.

/// The largest `conn_tab_bits` of every kernel; a larger one makes an older kernel take its default.
const EVERY: u32 = 20;
/// The largest of 64-bit kernels since July 2023: 6.5, and 5.15, 6.1 and 6.4 with their updates.
const NEWER: u32 = 27;
const LEAST: u32 = 8;

/// The `conn_tab_bits` that give a table of so many rows about one a bucket (the kernel's own advice,
/// `IP_VS_TAB_BITS` in `net/netfilter/ipvs/Kconfig`), and more buckets than it has. `newer` is
/// whether the kernel is known to be 6.1 or later.
///
/// # Errors
/// Why it cannot have more, as a sentence.
pub fn larger_table(rows: u64, buckets: u64, newer: bool) -> Result<u32, &'static str> {
    let present = buckets.max(1).ilog2();
    let most =
        if present > EVERY || (newer && cfg!(target_pointer_width = "64")) { NEWER } else { EVERY };
    if present >= NEWER {
        return Err("no kernel takes more than 27 bits");
    }
    if present >= most {
        return Err("this kernel is not known to take more than 20 bits; 64-bit ones since July \
                    2023 take up to 27");
    }
    let wanted = u64::BITS - rows.saturating_sub(1).leading_zeros();
    Ok(wanted.max(LEAST).max(present + 1).min(most))
}

/// Whether these bits are more than a kernel from before July 2023 takes, where the size of its table
/// does not show that it is none.
pub fn wants_newer_kernel(bits: u32, buckets: u64) -> bool {
    bits > EVERY && buckets <= 1 << EVERY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_to_a_bucket_a_row_and_never_shrinks() {
        let old = |rows, buckets| larger_table(rows, buckets, false);
        assert_eq!(old(1, 1), Ok(8));
        assert_eq!(old(16_384, 4_096), Ok(14));
        assert_eq!(old(16_385, 4_096), Ok(15));
        assert_eq!(old(10, 4_096), Ok(13));
        assert_eq!(old(10_000_000, 4_096), Ok(20));
        assert_eq!(old(10_000_000, 1 << 19), Ok(20));
        assert!(old(10_000_000, 1 << 20).unwrap_err().contains("20 bits"));
        // A table that is larger already shows what its kernel takes.
        assert_eq!(old(10_000_000, 1 << 21), Ok(24));
        assert_eq!(old(u64::MAX, 1 << 22), Ok(27));
        assert!(old(u64::MAX, 1 << 27).unwrap_err().contains("27 bits"));
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn newer_kernels_take_more() {
        assert_eq!(larger_table(10_000_000, 4_096, true), Ok(24));
        assert_eq!(larger_table(10_000_000, 1 << 20, true), Ok(24));
        assert!(wants_newer_kernel(24, 1 << 20));
        assert!(!wants_newer_kernel(20, 4_096) && !wants_newer_kernel(24, 1 << 21));
    }
}
