//! The error numbers that IPVS and netlink return, in words.

/// Operation not permitted.
pub const EPERM: i32 = 1;
/// No such entry: real server, scheduler, engine or family.
pub const ENOENT: i32 = 2;
/// No such service or daemon.
pub const ESRCH: i32 = 3;
/// No buffer space: the kernel dropped answers.
pub const ENOBUFS: i32 = 105;

/// An error number in words, with its symbol: `No such process (ESRCH)`.
pub fn errno_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    match symbol(errno) {
        Some(symbol) => format!("{text} ({symbol})"),
        None => format!("{text} (error {errno})"),
    }
}

fn symbol(errno: i32) -> Option<&'static str> {
    Some(match errno {
        EPERM => "EPERM",
        ENOENT => "ENOENT",
        ESRCH => "ESRCH",
        4 => "EINTR",
        5 => "EIO",
        6 => "ENXIO",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        16 => "EBUSY",
        17 => "EEXIST",
        19 => "ENODEV",
        20 => "ENOTDIR",
        21 => "EISDIR",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        27 => "EFBIG",
        28 => "ENOSPC",
        30 => "EROFS",
        34 => "ERANGE",
        90 => "EMSGSIZE",
        92 => "ENOPROTOOPT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        99 => "EADDRNOTAVAIL",
        ENOBUFS => "ENOBUFS",
        110 => "ETIMEDOUT",
        122 => "EDQUOT",
        _ => return None,
    })
}
