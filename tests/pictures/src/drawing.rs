//! A terminal's cells in a window, as an SVG that needs nothing else: letters are outlines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use vt100::{Cell, Screen};

use crate::font::{Cut, Glyph};
use crate::paper::{Paper, Rgb};
use crate::scenes::Scene;
use crate::shapes::{CELL, Part, parts};

/// From a cell's upper edge to the line that letters stand on.
const BASE: f32 = 12.0;
/// The width of a letter in units of the font.
const ADVANCE: f32 = 1233.0;
/// The window's title line.
const BAR: f32 = 28.0;
/// Between the window's edge and the cells.
const MARGIN: f32 = 12.0;
/// The window's corners.
const RADIUS: f32 = 8.0;

/// Everything in one colour.
#[derive(Default)]
struct Ink {
    boxes: Vec<[f32; 4]>,
    /// Circles, as SVG.
    dots: String,
    /// Round corners, as steps of an SVG path that is a line.
    corners: String,
    /// Boxes that let the ground through, as SVG.
    faint: String,
    letters: Vec<(Glyph, f32, f32)>,
}

/// A picture under way: what lies below, and what stands on it.
struct Drawing<'a> {
    paper: &'a Paper,
    ground: BTreeMap<Rgb, Ink>,
    text: BTreeMap<Rgb, Ink>,
}

/// `screen` as an SVG.
pub fn svg(screen: &Screen, scene: &Scene) -> anyhow::Result<String> {
    let paper = scene.paper;
    let mut drawing = Drawing { paper, ground: BTreeMap::new(), text: BTreeMap::new() };
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let cursor = Some(screen.cursor_position()).filter(|_| !screen.hide_cursor());
    for row in 0..rows {
        for column in 0..columns {
            if let Some(cell) = screen.cell(row, column) {
                let (x, y) = (f32::from(column) * CELL.0, f32::from(row) * CELL.1);
                drawing.cell(cell, x, y, cursor == Some((row, column)));
            }
        }
    }
    let (w, h) = (f32::from(columns) * CELL.0, f32::from(rows) * CELL.1);
    drawing.finish((w, h), &title(scene))
}

/// How the program was called.
fn title(scene: &Scene) -> String {
    ["ipvs-tui", "demo"].iter().chain(scene.arguments).copied().collect::<Vec<_>>().join(" ")
}

impl Drawing<'_> {
    fn cell(&mut self, cell: &Cell, x: f32, y: f32, cursor: bool) {
        let mut text = self.paper.colour(cell.fgcolor(), self.paper.text);
        let mut ground = self.paper.colour(cell.bgcolor(), self.paper.ground);
        if cell.inverse() != cursor {
            (text, ground) = (ground, text);
        }
        if cell.dim() {
            text = text.half_to(ground);
        }
        if ground != self.paper.ground {
            self.ground.entry(ground).or_default().add_box([x, y, CELL.0, CELL.1]);
        }
        if !cell.underline() && cell.contents().trim().is_empty() {
            return;
        }
        let ink = self.text.entry(text).or_default();
        if cell.underline() {
            ink.add_box([x, y + BASE + 1.5, CELL.0, 1.0]);
        }
        // What combines with a letter has a width of none, and lies in the same cell.
        for letter in cell.contents().chars().filter(|l| *l != ' ') {
            match parts(letter) {
                Some((parts, strength)) => {
                    parts.into_iter().for_each(|part| ink.add(part, x, y, strength));
                }
                None => {
                    let cut = Cut::new(cell.bold(), cell.italic());
                    ink.letters.push((Glyph { cut, letter }, x, y + BASE));
                }
            }
        }
    }

    fn finish(self, (w, h): (f32, f32), title: &str) -> anyhow::Result<String> {
        let Paper { ground, bar, border, title: dim, .. } = self.paper;
        let (width, height) = (w + 2.0 * MARGIN, h + 2.0 * MARGIN + BAR);
        let heading: Vec<_> = {
            let start = ((width - CELL.0 * title.chars().count() as f32) / 2.0).round();
            let place = |n: usize| start + CELL.0 * n as f32;
            let letters = title.chars().enumerate().filter(|(_, letter)| *letter != ' ');
            let glyph = |letter| Glyph { cut: Cut::Regular, letter };
            letters.map(|(n, letter)| (glyph(letter), place(n), BAR / 2.0 + 5.0)).collect()
        };
        let inks = || self.ground.values().chain(self.text.values());
        let used = inks().flat_map(|ink| &ink.letters).chain(&heading);
        let used: BTreeSet<Glyph> = used.map(|(glyph, ..)| *glyph).collect();
        let scale = CELL.0 / ADVANCE;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<defs>\n",
            title.replace('&', "&amp;").replace('<', "&lt;")
        );
        for glyph in used {
            let (id, outline) = (glyph.id(), glyph.outline()?);
            let turn = format!("scale({scale:.7} -{scale:.7})");
            writeln!(out, "<path id=\"{id}\" transform=\"{turn}\" d=\"{outline}\"/>")?;
        }
        let (inside, below) = (width - 1.0, height - 1.0);
        let side = inside - 2.0 * RADIUS;
        writeln!(
            out,
            "</defs>\n<rect x=\".5\" y=\".5\" width=\"{inside}\" height=\"{below}\" \
             rx=\"{RADIUS}\" fill=\"{}\"/>\n\
             <path d=\"M.5 {BAR}V{r}a{RADIUS} {RADIUS} 0 0 1 {RADIUS} -{RADIUS}h{side}\
             a{RADIUS} {RADIUS} 0 0 1 {RADIUS} {RADIUS}V{BAR}z\" fill=\"{}\"/>\n\
             <rect x=\".5\" y=\".5\" width=\"{inside}\" height=\"{below}\" rx=\"{RADIUS}\" \
             fill=\"none\" stroke=\"{}\"/>",
            ground.hex(),
            bar.hex(),
            border.hex(),
            r = RADIUS + 0.5,
        )?;
        writeln!(out, "<g fill=\"{}\">", border.hex())?;
        for n in 0..3 {
            writeln!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"5\"/>", 18 + 17 * n, BAR / 2.0)?;
        }
        let heading = Ink { letters: heading, ..Ink::default() };
        out += "</g>\n";
        out += &heading.svg(*dim);
        writeln!(out, "<g transform=\"translate({MARGIN} {})\">", BAR + MARGIN)?;
        for (colour, ink) in self.ground.iter().chain(&self.text) {
            out += &ink.svg(*colour);
        }
        out.push_str("</g>\n</svg>\n");
        Ok(out)
    }
}

impl Ink {
    /// Joins a box to the one on its left.
    fn add_box(&mut self, [x, y, w, h]: [f32; 4]) {
        let joins = |b: &&mut [f32; 4]| b[0] + b[2] == x && (b[1], b[3]) == (y, h);
        match self.boxes.iter_mut().rev().take(8).find(joins) {
            Some(left) => left[2] += w,
            None => self.boxes.push([x, y, w, h]),
        }
    }

    fn add(&mut self, part: Part, left: f32, top: f32, strength: f32) {
        match part {
            Part::Box { x, y, w, h } if strength < 1.0 => {
                let (x, y) = (left + x, top + y);
                let place = format!("x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"");
                self.faint += &format!("<rect {place} opacity=\"{strength}\"/>\n");
            }
            Part::Box { x, y, w, h } => self.add_box([left + x, top + y, w, h]),
            Part::Dot { x, y, r } => {
                let (x, y) = (left + x, top + y);
                self.dots += &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>\n");
            }
            Part::Round { right, down } => {
                // From the middle of one edge to that of the other.
                let (x, y) = (left + CELL.0 / 2.0, top + CELL.1 / 2.0);
                let reach = CELL.0 / 2.0;
                let edge = if right { x + reach } else { x - reach };
                let turn = if down { y + reach } else { y - reach };
                let end = if down { top + CELL.1 } else { top };
                self.corners += &format!("M{edge} {y}Q{x} {y} {x} {turn}V{end}");
            }
        }
    }

    fn svg(&self, colour: Rgb) -> String {
        let colour = colour.hex();
        let mut out = format!("<g fill=\"{colour}\">\n");
        if !self.boxes.is_empty() {
            // One path: boxes that touch have no seam in it, at whatever scale.
            let boxes = self.boxes.iter().map(|[x, y, w, h]| format!("M{x} {y}h{w}v{h}h-{w}z"));
            out += &format!("<path d=\"{}\"/>\n", boxes.collect::<String>());
        }
        out += &self.faint;
        out += &self.dots;
        if !self.corners.is_empty() {
            out += &format!("<path d=\"{}\" fill=\"none\" stroke=\"{colour}\"/>\n", self.corners);
        }
        let mut line = f32::NAN;
        for (glyph, x, y) in &self.letters {
            if *y != line && !line.is_nan() {
                out.push('\n');
            }
            line = *y;
            out += &format!("<use href=\"#{}\" x=\"{x}\" y=\"{y}\"/>", glyph.id());
        }
        if !self.letters.is_empty() {
            out.push('\n');
        }
        out + "</g>\n"
    }
}
