//! Numbers as style sheets read them, and small lists in order. Own ones: std's ways to write and read floats and to sort
//! are made for far more than a page has, and weigh 20 kB in it.

/// With four digits behind the point.
pub fn decimal(number: f64) -> String {
    let parts = (number * 10_000.0).round() as i64;
    let (sign, size) = if parts < 0 { ("-", -parts) } else { ("", parts) };
    format!("{sign}{}.{:04}", size / 10_000, size % 10_000)
}

/// Puts a short list in order; what is alike stays as it stood.
pub fn put_in_order<T>(list: &mut [T], is_before: impl Fn(&T, &T) -> bool) {
    for end in 1..list.len() {
        let mut at = end;
        while at > 0 && is_before(&list[at], &list[at - 1]) {
            list.swap(at, at - 1);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_a_style_sheet_reads_it() {
        let written = [0.0, 12.5, -0.25, 1023.99999, 0.00004].map(decimal);
        assert_eq!(written, ["0.0000", "12.5000", "-0.2500", "1024.0000", "0.0000"]);
    }

    #[test]
    fn what_is_alike_stays_as_it_stood() {
        let mut list = [(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        put_in_order(&mut list, |one, other| one.0 < other.0);
        assert_eq!(list, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
    }
}
