//! Justified rows: which pictures share a row, and how high it is. Knows ratios and widths, no browser.

/// A row of pictures that follow one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Pictures in it.
    pub count: usize,
    /// CSS pixels.
    pub height: f64,
}

/// Wanted height of a row, in CSS pixels, on a page this wide.
pub fn row_height(width: f64) -> f64 {
    (width / 4.4).clamp(128.0, 264.0)
}

/// The rows for these ratios (width ÷ height), in order. A last row that would have to grow too far keeps the wanted
/// height; where more pictures of the same day follow (`goes_on`), the last rows share what is left, so that each is full.
pub fn rows(ratios: &[f64], width: f64, height: f64, gap: f64, goes_on: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rest = ratios;
    while !rest.is_empty() {
        let count = row_length(rest, width, height, gap);
        let (row, after) = rest.split_at(count);
        let full = full_height(row, width, gap);
        let is_short = after.is_empty() && full > height * 1.4;
        rows.push(Row { count, height: if is_short { height } else { full } });
        if is_short && goes_on {
            fill(&mut rows, ratios, width, height, gap);
        }
        rest = after;
    }
    rows
}

/// Cuts the pictures of the last two rows anew, into two full rows or one, whichever is nearer to the wanted height.
fn fill(rows: &mut Vec<Row>, ratios: &[f64], width: f64, height: f64, gap: f64) {
    let count: usize = rows.split_off(rows.len().saturating_sub(2)).iter().map(|row| row.count).sum();
    let Some(last) = ratios.get(ratios.len() - count..) else { return };
    let far = |row: f64| if row > height { row / height } else { height / row };
    let cut = |at: usize| {
        let (first, second) = last.split_at(at);
        let parts = [first, second].into_iter().filter(|part| !part.is_empty());
        let cut: Vec<Row> =
            parts.map(|part| Row { count: part.len(), height: full_height(part, width, gap) }).collect();
        (cut.iter().map(|row| far(row.height)).fold(0.0, f64::max), cut)
    };
    let best = (1..=count).map(cut).min_by(|(one, _), (other, _)| one.total_cmp(other));
    rows.extend(best.map(|(_, cut)| cut).unwrap_or_default());
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

fn full_height(row: &[f64], width: f64, gap: f64) -> f64 {
    room(row.len(), width, gap) / row.iter().sum::<f64>().max(0.01)
}

fn room(count: usize, width: f64, gap: f64) -> f64 {
    (width - gap * count.saturating_sub(1) as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIOS: [f64; 14] = [1.0, 1.5, 0.67, 1.78, 1.0, 0.56, 1.5, 1.5, 1.0, 0.67, 1.0, 1.0, 1.78, 1.0];

    fn width_of(row: &Row, ratios: &[f64]) -> f64 {
        ratios.iter().sum::<f64>() * row.height + 4.0 * (row.count - 1) as f64
    }

    #[test]
    fn a_full_row_fills_the_width() {
        let rows = rows(&RATIOS, 1000.0, 240.0, 4.0, false);
        let first = &rows[0];
        assert!((width_of(first, &RATIOS[..first.count]) - 1000.0).abs() < 1e-6);
    }

    #[test]
    fn rows_stay_near_the_wanted_height_and_no_picture_is_lost() {
        for (width, goes_on) in [320.0, 360.0, 768.0, 1280.0, 3840.0].into_iter().zip([true, false].iter().cycle()) {
            let height = row_height(width);
            let rows = rows(&RATIOS, width, height, 4.0, *goes_on);
            assert_eq!(rows.iter().map(|row| row.count).sum::<usize>(), RATIOS.len());
            for row in &rows {
                assert!((height * 0.55..height * 1.9).contains(&row.height), "{row:?} on {width}, wanted {height}");
            }
        }
    }

    #[test]
    fn a_lonely_picture_does_not_grow_over_the_page() {
        assert_eq!(rows(&[1.0], 1200.0, 240.0, 4.0, false), [Row { count: 1, height: 240.0 }]);
    }

    #[test]
    fn where_the_day_goes_on_the_last_row_is_full_too() {
        let ratios = [1.0; 6];
        let ends = rows(&ratios, 1000.0, 200.0, 4.0, false);
        assert_eq!(ends.iter().map(|row| row.count).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(ends[1].height, 200.0);
        let goes_on = rows(&ratios, 1000.0, 200.0, 4.0, true);
        assert_eq!(goes_on.iter().map(|row| row.count).collect::<Vec<_>>(), [6]);
        assert!((width_of(&goes_on[0], &ratios) - 1000.0).abs() < 1e-6);
    }
}
