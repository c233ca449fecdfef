//! How many gems a purchase is worth, from what its money did: PRODUCT §3.5 and §3.6 in whole numbers.
use crate::gems::Gems;

/// The money of one purchase as the vendor tells it, in the currency's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// Whether the payment has arrived. Nothing to pay is not paid.
    pub is_paid: bool,
    /// What was charged.
    pub charged: i64,
    /// Sum of the refunds that have neither failed nor been cancelled.
    pub refunded: i64,
    /// Funds that disputes have withdrawn and not given back.
    pub disputed: i64,
}

/// Where the ledger must be for one purchase: never a step, so that any reading at any time may be posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub credited: Gems,
    pub clawed_back: Gems,
}

/// The target of a purchase of `gems`. Once credited stays credited: what goes back is clawed back.
pub fn target(gems: Gems, was_credited: bool, money: Money) -> Target {
    if !money.is_paid && !was_credited {
        return Target::default();
    }
    let clawed_back =
        share(gems, money.refunded, money.charged).saturating_add(share(gems, money.disputed, money.charged));
    Target { credited: gems, clawed_back: clawed_back.min(gems) }
}

/// floor(gems × amount ÷ charged) on the cumulative amount; all of it takes exactly all.
fn share(gems: Gems, amount: i64, charged: i64) -> Gems {
    if amount <= 0 || gems <= 0 {
        return 0;
    }
    if amount >= charged {
        return gems;
    }
    let share = i128::from(gems) * i128::from(amount) / i128::from(charged);
    i64::try_from(share).unwrap_or(gems)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paid(charged: i64, refunded: i64, disputed: i64) -> Money {
        Money { is_paid: true, charged, refunded, disputed }
    }

    #[test]
    fn nothing_is_credited_before_it_is_paid() {
        assert_eq!(target(400, false, Money { charged: 499, ..Money::default() }), Target::default());
    }

    #[test]
    fn thirty_percent_thirty_percent_and_the_rest_take_exactly_all() {
        for (refunded, gone) in [(0, 0), (150, 120), (300, 240), (498, 399), (499, 400)] {
            assert_eq!(target(400, true, paid(499, refunded, 0)).clawed_back, gone, "after {refunded}");
        }
    }

    #[test]
    fn a_refund_and_a_dispute_together_take_no_more_than_all() {
        assert_eq!(target(400, true, paid(499, 300, 499)).clawed_back, 400);
        assert_eq!(target(400, true, paid(499, 100, 100)).clawed_back, 160);
    }

    #[test]
    fn what_was_credited_stays_credited_whatever_the_vendor_says_of_the_session() {
        assert_eq!(
            target(400, true, Money { charged: 499, ..Money::default() }),
            Target { credited: 400, clawed_back: 0 }
        );
    }

    proptest! {
        #[test]
        fn a_larger_amount_never_takes_less_and_never_more_than_all(
            gems in 1..1_000_000_i64, charged in 1..10_000_000_i64, one in 0..10_000_000_i64, more in 0..10_000_000_i64,
        ) {
            let less = target(gems, true, paid(charged, one, 0)).clawed_back;
            let most = target(gems, true, paid(charged, one + more, 0)).clawed_back;
            prop_assert!(0 <= less && less <= most && most <= gems);
            prop_assert!((most == gems) == (one + more >= charged) || most == gems);
        }
    }
}
