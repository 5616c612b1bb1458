//! An SVG as a small PNG: twice its size, with a palette.

use std::collections::HashMap;

use anyhow::Context;
use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels to a unit of the drawing.
const SCALE: f32 = 2.0;

type Colour = [u8; 4];

/// The picture in `svg` as PNG.
pub fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("a picture without size")?;
    let mut pixmap = Pixmap::new(size.width(), size.height()).context("a picture too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    let pixels: Vec<Colour> = pixmap
        .pixels()
        .iter()
        .map(PremultipliedColorU8::demultiply)
        .map(|p| [p.red(), p.green(), p.blue(), p.alpha()])
        .collect();
    let (palette, places) = palette(&pixels);
    encode(size.width(), size.height(), &palette, &places)
}

/// The 256 most frequent colours, and for each pixel which of them it is, or comes closest to.
fn palette(pixels: &[Colour]) -> (Vec<Colour>, Vec<u8>) {
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut colours: Vec<(Colour, usize)> = counts.into_iter().collect();
    colours.sort_by_key(|(colour, count)| (usize::MAX - count, *colour));
    let palette: Vec<Colour> = colours.iter().take(256).map(|(colour, _)| *colour).collect();
    let distance = |a: &Colour, b: &Colour| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    let nearest = |colour: &Colour| {
        let places = 0..=u8::MAX;
        let near = palette.iter().zip(places).min_by_key(|(known, _)| distance(known, colour));
        near.map_or(0, |(_, place)| place)
    };
    let places: HashMap<Colour, u8> = colours.iter().map(|(c, _)| (*c, nearest(c))).collect();
    let found = pixels.iter().map(|pixel| places.get(pixel).copied().unwrap_or_default());
    let found = found.collect();
    (palette, found)
}

fn encode(width: u32, height: u32, palette: &[Colour], places: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter); // neighbouring places in a palette mean nothing
    encoder.set_palette(palette.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect::<Vec<_>>());
    encoder.set_trns(palette.iter().map(|[.., alpha]| *alpha).collect::<Vec<_>>());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(places)?;
    writer.finish()?;
    Ok(bytes)
}
