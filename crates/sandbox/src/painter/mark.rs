//! The small word in the corner that says where a picture comes from.
use image::{Rgba, RgbaImage};

/// Five rows of three (or more) dots a letter.
const LETTERS: [[&str; 5]; 7] = [
    [".##", "#..", ".#.", "..#", "##."],
    [".#.", "#.#", "###", "#.#", "#.#"],
    ["#..#", "##.#", "#.##", "#..#", "#..#"],
    ["##.", "#.#", "#.#", "#.#", "##."],
    ["##.", "#.#", "##.", "#.#", "##."],
    [".#.", "#.#", "#.#", "#.#", ".#."],
    ["#.#", "#.#", ".#.", "#.#", "#.#"],
];

pub fn stamp(picture: &mut RgbaImage) {
    let (width, height) = picture.dimensions();
    let dot = (width.min(height) / 520).max(1);
    let letters: u32 = LETTERS.iter().map(|rows| rows[0].len() as u32 + 1).sum();
    let (wide, margin) = (letters * dot, width.min(height) / 42);
    if width < wide + margin * 2 || height < 40 {
        return;
    }
    let top = height - margin - 5 * dot;
    let mut left = width - margin - wide;
    let is_bright = brightness(picture, left, top, wide, 5 * dot) > 140;
    let ink = if is_bright { Rgba([20, 22, 26, 255]) } else { Rgba([255, 255, 255, 255]) };
    for rows in LETTERS {
        for (row, dots) in rows.iter().enumerate() {
            for (column, _) in dots.bytes().enumerate().filter(|(_, byte)| *byte == b'#') {
                let (x, y) = (left + column as u32 * dot, top + row as u32 * dot);
                blend(picture, x, y, dot, ink);
            }
        }
        left += (rows[0].len() as u32 + 1) * dot;
    }
}

fn brightness(picture: &RgbaImage, left: u32, top: u32, wide: u32, high: u32) -> u32 {
    let mut sum = 0;
    for y in top..top + high {
        for x in left..left + wide {
            sum += u32::from(picture.get_pixel(x, y).0[1]);
        }
    }
    sum / (wide * high).max(1)
}

fn blend(picture: &mut RgbaImage, x: u32, y: u32, size: u32, ink: Rgba<u8>) {
    for py in y..y + size {
        for px in x..x + size {
            let pixel = picture.get_pixel_mut(px, py);
            for (below, over) in pixel.0.iter_mut().zip(ink.0) {
                *below = ((u32::from(*below) * 58 + u32::from(over) * 42) / 100) as u8;
            }
            pixel.0[3] = 255;
        }
    }
}
