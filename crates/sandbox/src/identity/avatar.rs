//! A small picture for a person: five by five mirrored squares, always the same for the same seed.
use actix_web::HttpResponse;
use image::{ImageFormat, Rgb, RgbImage};
use sha2::{Digest as _, Sha256};

const SQUARE: u32 = 16;
const BORDER: u32 = 8;
const SIZE: u32 = SQUARE * 5 + BORDER * 2;

pub fn answer(seed: &str) -> HttpResponse {
    match png(seed) {
        Ok(bytes) => HttpResponse::Ok()
            .content_type("image/png")
            .insert_header(("Cache-Control", "public, max-age=300"))
            .body(bytes),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn png(seed: &str) -> image::ImageResult<Vec<u8>> {
    let digest: [u8; 32] = Sha256::digest(seed).into();
    let [red, green, blue, ..] = digest;
    let ink = Rgb([red / 2 + 40, green / 2 + 60, blue / 2 + 50]);
    let paper = Rgb([240, 240, 238]);
    let picture = RgbImage::from_fn(SIZE, SIZE, |x, y| {
        let cell = |at: u32| at.checked_sub(BORDER).map(|at| at / SQUARE).filter(|cell| *cell < 5);
        let (Some(column), Some(row)) = (cell(x), cell(y)) else { return paper };
        let mirrored = column.min(4 - column);
        let bit = digest.get((3 + row * 3 + mirrored) as usize).is_some_and(|byte| byte & 1 == 1);
        if bit { ink } else { paper }
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
