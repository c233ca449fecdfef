//! Justified rows: which pictures share a row, and how wide each is in it. Knows ratios and widths, no browser.

/// Where a picture stands in its row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Of the row's width without its gaps, 0 to 1.
    pub share: f64,
    /// Gaps in the row.
    pub gaps: usize,
    /// Whether its row fills the page's width.
    pub is_full: bool,
}

/// Wanted height of a row, in CSS pixels, on a page this wide.
pub fn row_height(width: f64) -> f64 {
    (width / 4.4).clamp(128.0, 264.0)
}

/// One place for each ratio (width ÷ height), in order. A last row that would have to grow too far keeps the wanted height.
pub fn places(ratios: &[f64], width: f64, height: f64, gap: f64) -> Vec<Place> {
    let mut places = Vec::with_capacity(ratios.len());
    let mut rest = ratios;
    while !rest.is_empty() {
        let taken = row_length(rest, width, height, gap);
        let (row, after) = rest.split_at(taken);
        let (sum, room) = (row.iter().sum::<f64>(), room(taken, width, gap));
        let is_short = after.is_empty() && room / sum > height * 1.4;
        let whole = if is_short { room / height } else { sum };
        let place = |ratio: &f64| Place { share: (ratio / whole).min(1.0), gaps: taken - 1, is_full: !is_short };
        places.extend(row.iter().map(place));
        rest = after;
    }
    places
}

/// Height of all rows with the gaps between them, in CSS pixels.
pub fn height_of(ratios: &[f64], places: &[Place], width: f64, gap: f64) -> f64 {
    let (mut height, mut index) = (0.0, 0);
    while let (Some(ratio), Some(place)) = (ratios.get(index), places.get(index)) {
        let above = if index == 0 { 0.0 } else { gap };
        height += above + place.share * room(place.gaps + 1, width, gap) / ratio;
        index += place.gaps + 1;
    }
    height
}

/// How many of `rest` make the row whose height is nearest to the wanted one; at least one.
fn row_length(rest: &[f64], width: f64, height: f64, gap: f64) -> usize {
    let (mut sum, mut before) = (0.0, f64::INFINITY);
    for (index, ratio) in rest.iter().enumerate() {
        sum += ratio;
        let now = room(index + 1, width, gap) / sum;
        if now <= height {
            let is_nearer_without = before / height < height / now.max(1.0);
            return if index > 0 && is_nearer_without { index } else { index + 1 };
        }
        before = now;
    }
    rest.len()
}

fn room(count: usize, width: f64, gap: f64) -> f64 {
    (width - gap * count.saturating_sub(1) as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_row_fills_the_width() {
        let places = places(&[1.0, 1.5, 1.0, 0.67, 1.0, 1.0, 1.0, 1.0], 1000.0, 240.0, 4.0);
        let first: Vec<_> = places.iter().take(places[0].gaps + 1).collect();
        let sum: f64 = first.iter().map(|place| place.share).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn rows_stay_near_the_wanted_height() {
        let ratios = [1.0, 1.5, 0.67, 1.78, 1.0, 0.56, 1.5, 1.5, 1.0, 0.67, 1.0, 1.0, 1.78, 1.0];
        for width in [320.0, 360.0, 768.0, 1280.0, 3840.0] {
            let height = row_height(width);
            let places = places(&ratios, width, height, 4.0);
            let mut index = 0;
            while index < places.len() {
                let place = places[index];
                let row = place.share * room(place.gaps + 1, width, 4.0) / ratios[index];
                assert!((height * 0.55..height * 1.9).contains(&row), "row of {row} on {width}, wanted {height}");
                index += place.gaps + 1;
            }
        }
    }

    #[test]
    fn the_height_of_a_day_is_known_before_it_is_drawn() {
        let ratios = [1.0; 7];
        let places = places(&ratios, 1000.0, 240.0, 4.0);
        let row = (1000.0 - 12.0) / 4.0;
        assert_eq!(places.iter().map(|place| place.gaps).collect::<Vec<_>>(), [3, 3, 3, 3, 2, 2, 2]);
        let last = (1000.0 - 8.0) / 3.0;
        assert!((height_of(&ratios, &places, 1000.0, 4.0) - (row + 4.0 + last)).abs() < 1e-6);
    }

    #[test]
    fn a_lonely_picture_does_not_grow_over_the_page() {
        let places = places(&[1.0], 1200.0, 240.0, 4.0);
        assert_eq!(places, [Place { share: 0.2, gaps: 0, is_full: false }]);
    }
}
