//! Sizes beside the listed ones: the nearest that a model's rule allows.
use crate::catalogue::FreeSize;
use crate::size::Size;

impl FreeSize {
    /// The allowed size whose edges differ least from the wanted ones; `None` where the rule allows none at all.
    pub fn nearest(&self, wanted: Size) -> Option<Size> {
        let steps = self.edge_max.checked_div(self.multiple)?;
        let edges = || (1..=steps).map(|step| step * self.multiple);
        let apart = |a: u32, b: u32| u64::from(a.abs_diff(b)).pow(2);
        let sizes = edges().flat_map(|width| edges().map(move |height| Size { width, height }));
        let allowed = sizes.filter(|size| self.allows(*size));
        allowed.min_by_key(|size| apart(size.width, wanted.width) + apart(size.height, wanted.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_size_keeps_the_rule() {
        let rule = FreeSize { multiple: 16, pixels_min: 655_360, pixels_max: 8_294_400, edge_max: 3_840, ratio_max: 3 };
        let nearest = |width, height| rule.nearest(Size { width, height }).map(|size| (size.width, size.height));
        assert_eq!(nearest(1280, 720), Some((1280, 720)));
        assert_eq!(nearest(1281, 727), Some((1280, 720)));
        assert_eq!(nearest(9_999, 16), Some((3_840, 1_280)));
        for (width, height) in [(1, 1), (99_999, 99_999), (3_840, 3_840), (100, 3_000)] {
            let near = rule.nearest(Size { width, height }).expect("a size");
            assert!(rule.allows(near), "{width} × {height}: {near}");
        }
        assert_eq!(FreeSize { pixels_min: 99_999_999, ..rule }.nearest(Size { width: 1, height: 1 }), None);
    }
}
