//! Names as text that fits: the port of an address is never what is cut off.

use unicode_width::UnicodeWidthStr;

/// `text` in at most `width` cells, with the middle left out if it has to be: the beginning
/// tells the network, the end the host and port.
pub(super) fn fit(text: &str, width: usize, ellipsis: &str) -> String {
    let cells = text.width();
    if cells <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let tail = (room * 2 / 3).min(room);
    let head = room - tail;
    let front: String = text.chars().take(head).collect();
    let back: String = text.chars().skip(text.chars().count().saturating_sub(tail)).collect();
    format!("{front}{ellipsis}{back}")
}

/// `text` in at most `width` cells, with the end left out if it has to be: for sentences.
pub(super) fn begin(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let front: String = text.chars().take(room).collect();
    format!("{}{ellipsis}", front.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_survives() {
        let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
        let short = fit(long, 24, "…");
        assert_eq!(short.width(), 24);
        assert!(short.starts_with("[2001:d") && short.ends_with(":65535"), "{short}");
        assert_eq!(fit("10.0.0.1:80", 24, "…"), "10.0.0.1:80");
    }
}
