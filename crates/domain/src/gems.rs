//! Gem arithmetic: whole numbers, free and bought kept apart, free spent first.
use serde::{Deserialize, Serialize};

/// A number of gems. Never negative in an account; the database says so too.
pub type Gems = i64;

/// What a gem account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub free: Gems,
    pub bought: Gems,
    pub held_free: Gems,
    pub held_bought: Gems,
    /// Bought gems that were clawed back after they had been spent. Blocks all spending.
    pub debt: Gems,
}

impl Balance {
    pub fn remaining(&self) -> Gems {
        self.free + self.bought
    }

    pub fn held(&self) -> Gems {
        self.held_free + self.held_bought
    }

    /// What can be spent now: nothing while there is debt.
    pub fn available(&self) -> Gems {
        if self.debt > 0 { 0 } else { self.remaining() }
    }

    /// How a hold of `price` would be made up; `None` when the gems do not suffice.
    pub fn hold(&self, price: Gems) -> Option<Hold> {
        if price < 0 || price > self.available() {
            return None;
        }
        let free = price.min(self.free);
        Some(Hold { free, bought: price - free })
    }
}

/// What is reserved for one piece of work, by kind of gem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    pub free: Gems,
    pub bought: Gems,
}

impl Hold {
    pub fn total(&self) -> Gems {
        self.free + self.bought
    }

    /// Splits into what is captured (free gems first) and what goes back, each to its own kind.
    /// Captures at most what is held.
    pub fn settle(&self, captured: Gems) -> (Hold, Hold) {
        let captured = captured.clamp(0, self.total());
        let free = captured.min(self.free);
        let taken = Hold { free, bought: captured - free };
        (taken, Hold { free: self.free - taken.free, bought: self.bought - taken.bought })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn free_gems_are_held_first() {
        let balance = Balance { free: 5, bought: 10, ..Balance::default() };
        assert_eq!(balance.hold(8), Some(Hold { free: 5, bought: 3 }));
        assert_eq!(balance.hold(16), None);
    }

    #[test]
    fn debt_blocks_all_spending() {
        let balance = Balance { free: 50, debt: 1, ..Balance::default() };
        assert_eq!(balance.hold(1), None);
    }

    proptest! {
        #[test]
        fn captured_and_released_are_exactly_what_was_held(free in 0..1000i64, bought in 0..1000i64, captured in -5..3000i64) {
            let hold = Hold { free, bought };
            let (taken, back) = hold.settle(captured);
            prop_assert_eq!(taken.free + back.free, free);
            prop_assert_eq!(taken.bought + back.bought, bought);
            prop_assert!(taken.free >= 0 && taken.bought >= 0 && back.free >= 0 && back.bought >= 0);
            prop_assert!(taken.bought == 0 || back.free == 0, "bought gems are captured only after the free ones");
        }
    }
}
