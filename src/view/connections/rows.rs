//! Connections one by one, in ipvsadm's columns.

use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::cells::{left, right};
use super::super::columns::Span;
use super::super::{HitBoxes, Look, place};
use crate::connections::{Row, Stage, Survey};
use crate::ipvs::Target;
use crate::model::{Hit, Model, Order};

const PROTOCOL: u16 = 4;
const EXPIRES: u16 = 6;
const STATE: u16 = 11;
/// What stands behind the destination is worth showing from this width on.
const MORE: u16 = 10;

#[derive(Clone, Copy, Debug)]
struct Columns {
    protocol: Span,
    expires: Span,
    state: Span,
    client: Span,
    target: Span,
    server: Span,
    more: Span,
}

/// Lays `area` out: three addresses share what the rest leaves, none more than it wants.
fn columns(area: Rect, wanted: [u16; 3]) -> Columns {
    let fixed = 1 + PROTOCOL + 1 + EXPIRES + 1 + STATE + 3;
    let room = area.width.saturating_sub(fixed);
    let third = room / 3;
    // Those that want less than a third leave the rest to the others.
    let spare: u16 = wanted.iter().map(|wanted| third.saturating_sub(*wanted)).sum();
    let greedy = wanted.iter().filter(|wanted| **wanted > third).count();
    let extra = spare.checked_div(u16::try_from(greedy).unwrap_or(1)).unwrap_or(0);
    let [client, target, server] = wanted.map(|wanted| wanted.min(third + extra));
    let mut x = area.x + 1;
    let mut next = |width: u16| {
        let span = Span { x, width };
        x += width + 1;
        span
    };
    let (protocol, expires, state) = (next(PROTOCOL), next(EXPIRES), next(STATE));
    let (client, target, server) = (next(client), next(target), next(server));
    let rest = area.right().saturating_sub(x);
    let more = Span { x, width: if rest >= MORE { rest } else { 0 } };
    Columns { protocol, expires, state, client, target, server, more }
}

pub(super) fn draw(
    model: &Model,
    survey: &Survey,
    look: &Look,
    (heads, lines): (Rect, Rect),
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let connections = &model.connections;
    let shown = connections.list().rows.iter().skip(connections.top()).take(lines.height.into());
    let shown: Vec<Row<'_>> = shown.filter_map(|place| survey.rows.get(*place)).collect();
    let texts: Vec<[String; 3]> = shown.iter().map(|row| texts(model, row)).collect();
    let widest = |number: usize| {
        let of = texts.iter().filter_map(|texts| texts.get(number)).map(|text| text.width());
        u16::try_from(of.max().unwrap_or(0)).unwrap_or(u16::MAX).max(11)
    };
    let c = columns(heads, [widest(0), widest(1), widest(2)]);
    let theme = &look.theme;
    let (order, reversed) = connections.order();
    let arrow = if order.descends(reversed) { look.glyphs.down } else { look.glyphs.up };
    for (word, span, by) in [
        ("Pro", c.protocol, None),
        ("Expire", c.expires, Some(Order::Expires)),
        ("State", c.state, Some(Order::State)),
        ("Source", c.client, Some(Order::Client)),
        ("Virtual", c.target, Some(Order::Service)),
        ("Destination", c.server, Some(Order::Server)),
    ] {
        let sorted = by == Some(order);
        let style = if sorted { theme.header } else { theme.head };
        if by == Some(Order::Expires) {
            let wide = Span { x: span.x - 1, width: span.width + 1 };
            let text = if sorted { format!("{arrow}{word}") } else { word.to_owned() };
            right(&text, style, wide, heads.y, frame);
        } else {
            let text = if sorted { format!("{word} {arrow}") } else { word.to_owned() };
            left(&text, style, span, heads.y, frame);
        }
        if let Some(by) = by {
            hits.add(span.row(heads.y), Hit::Order(by));
        }
    }
    for (number, (row, texts)) in shown.iter().zip(&texts).enumerate() {
        let y = lines.y + u16::try_from(number).unwrap_or(0);
        line(row, texts, &c, look, y, frame);
        if connections.top() + number == connections.place() {
            let all = Span { x: heads.x, width: heads.width };
            frame.buffer_mut().set_style(all.row(y), theme.selected);
            left(look.glyphs.cursor, theme.selected, all, y, frame);
        }
    }
}

/// The three addresses.
fn texts(model: &Model, row: &Row<'_>) -> [String; 3] {
    let client = match model.connections.names.of(row.client()) {
        Some(name) => format!("{name}:{}", row.client_port()),
        None => SocketAddr::new(row.client(), row.client_port()).to_string(),
    };
    let (target, server) = match row.lane() {
        Some(lane) => (lane.target.to_string(), lane.server.to_string()),
        None => (String::new(), String::new()),
    };
    [client, target, server]
}

fn line(
    row: &Row<'_>,
    texts: &[String; 3],
    c: &Columns,
    look: &Look,
    y: u16,
    frame: &mut Frame<'_>,
) {
    let (theme, ellipsis) = (&look.theme, look.glyphs.ellipsis);
    let stage = Stage::of(row.state(), row.is_template());
    let style = match stage {
        Stage::Ended | Stage::Template => theme.dim,
        _ => theme.text,
    };
    let protocol = row.lane().map_or_else(String::new, |lane| match lane.target {
        Target::Fwmark(_) => "IP".to_owned(),
        Target::Address(_) => lane.protocol.to_string(),
    });
    left(&protocol, style, c.protocol, y, frame);
    let (minutes, seconds) = (row.expires() / 60, row.expires() % 60);
    right(&format!("{minutes:02}:{seconds:02}"), style, c.expires, y, frame);
    let state = match stage {
        Stage::Established => theme.connection_open,
        Stage::Closing | Stage::Ended => theme.connection_closing,
        Stage::Template => theme.connection_template,
        Stage::Opening | Stage::Udp | Stage::Other => style,
    };
    left(row.state().as_str(), state, c.state, y, frame);
    let [client, target, server] = texts;
    for (text, span) in [(client, c.client), (target, c.target), (server, c.server)] {
        left(&place::fit(text, span.width.into(), ellipsis), style, span, y, frame);
    }
    let more = match (row.origin(), row.engine()) {
        (Some(origin), _) => origin.to_string(),
        (None, Some((engine, _))) => engine.to_string(),
        (None, None) => String::new(),
    };
    let more = place::begin(&more, c.more.width.into(), ellipsis);
    left(&more, theme.dim, c.more, y, frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_never_overrun() {
        for width in 60..=300 {
            for wanted in [[18, 11, 12], [47, 47, 47], [20, 12, 47], [11, 11, 11]] {
                let c = columns(Rect::new(0, 0, width, 1), wanted);
                assert!(c.server.x + c.server.width <= width, "{width}: {c:?}");
                assert!(c.more.x + c.more.width <= width.max(c.more.x), "{width}: {c:?}");
                assert!(c.client.width >= 10, "{width}: {c:?}");
            }
        }
        // ipvsadm's own columns fit where it is made for.
        let c = columns(Rect::new(0, 0, 80, 1), [20, 14, 14]);
        assert_eq!((c.client.width, c.target.width, c.server.width), (20, 14, 14));
    }
}
