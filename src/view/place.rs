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

/// A name of fewer cells tells nothing.
const LEAST: usize = 8;

/// A sentence as a row of a list says it. That it is about a real server goes without saying, and
/// so does TCP: of other protocols and of firewall marks the word stays.
fn brief(text: &str) -> String {
    text.replace("real server ", "").replace(" of TCP ", " of ")
}

/// What is told of a real server, for a row of a list: `10.1.1.2:80 of 10.0.0.1:80: weight 11`.
/// Where it has no room the service gives way first, then the middle of the server; what is told
/// is cut last.
pub(super) fn about(text: &str, width: usize, ellipsis: &str) -> String {
    let text = brief(text);
    let Some((server, rest)) = text.split_once(" of ").filter(|_| text.width() > width) else {
        return begin(&text, width, ellipsis);
    };
    let (service, told) = match rest.split_once(": ") {
        Some((service, told)) => (service, format!(": {told}")),
        None => (rest, String::new()),
    };
    let for_service = width.saturating_sub(server.width() + " of ".len() + told.width());
    if for_service >= LEAST {
        return format!("{server} of {}{told}", fit(service, for_service, ellipsis));
    }
    let room = width.saturating_sub(told.width());
    if room >= server.width() + ellipsis.width() {
        format!("{server}{ellipsis}{told}")
    } else if room >= LEAST {
        format!("{}{told}", fit(server, room, ellipsis))
    } else {
        begin(&format!("{server}{ellipsis}{told}"), width, ellipsis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_the_server_and_what_is_told_of_it() {
        let text = "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 11 -> 10";
        for (width, told) in [
            (60, "10.1.1.2:80 of 10.0.0.1:80: weight 11 -> 10"),
            (43, "10.1.1.2:80 of 10.0.0.1:80: weight 11 -> 10"),
            (40, "10.1.1.2:80 of 10.~1:80: weight 11 -> 10"),
            (29, "10.1.1.2:80~: weight 11 -> 10"),
            (26, "10.~.2:80: weight 11 -> 10"),
            (20, "10.1.1.2:80~: weigh~"),
        ] {
            assert_eq!(about(text, width, "~"), told, "{width}");
            assert!(told.width() <= width, "{width}");
        }
        let udp = "real server 10.2.0.53:53 of UDP 10.0.0.1:53: weight 1 -> 0";
        assert!(about(udp, 60, "~").starts_with("10.2.0.53:53 of UDP 10.0.0.1:53: "));
        assert!(about("real server 10.3.0.7:0 of FWM 5", 40, "~").ends_with(" of FWM 5"));
        assert_eq!(about("drain 10.1.1.2 everywhere", 16, "~"), "drain 10.1.1.2~");
    }

    #[test]
    fn the_port_survives() {
        let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
        let short = fit(long, 24, "…");
        assert_eq!(short.width(), 24);
        assert!(short.starts_with("[2001:d") && short.ends_with(":65535"), "{short}");
        assert_eq!(fit("10.0.0.1:80", 24, "…"), "10.0.0.1:80");
    }
}
