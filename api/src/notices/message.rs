//! What each notice says to people: from its kind and its gems, and from nothing else.
use lapidary_contract::NoticeKind;

pub fn message(kind: NoticeKind, gems: Option<i64>) -> String {
    let with = |sentence: &str, number: fn(&str) -> String| {
        let amount = gems.map(counted);
        amount.map_or_else(|| sentence.to_owned(), |amount| format!("{sentence} {}", number(&amount)))
    };
    match kind {
        NoticeKind::GemsLow => match gems {
            Some(gems) => format!("You have {} left.", counted(gems)),
            None => "You are low on gems.".to_owned(),
        },
        NoticeKind::PurchasePaid => with("Your payment has arrived.", |gems| format!("It brought {gems}.")),
        NoticeKind::PurchaseFailed => {
            "Your payment did not arrive, so it brought no gems. You can buy them again.".to_owned()
        }
        NoticeKind::Refunded => with("A payment was refunded.", |gems| format!("Its share of {gems} went with it.")),
        NoticeKind::RefundFailed => {
            with("A refund did not reach your bank.", |gems| format!("What it had taken is back: {gems}."))
        }
        NoticeKind::DisputeOpened => {
            with("Your bank has withdrawn a payment.", |gems| format!("Its share of {gems} went with it."))
        }
        NoticeKind::DisputeWon => {
            with("A dispute has ended and the payment stands.", |gems| format!("What it had taken is back: {gems}."))
        }
        NoticeKind::DisputeLost => "A dispute has ended and the payment is gone. Its gems do not come back.".to_owned(),
        NoticeKind::Debt => with("Gems that went with a payment had been spent.", |gems| {
            format!("You owe {gems}: the next purchase settles them first, and until then no gems can be spent.")
        }),
        NoticeKind::Policy => "The privacy policy or the terms have changed. Please read them.".to_owned(),
        NoticeKind::WebhookDisabled => "A webhook was switched off: it had failed for too long, or its receiver wanted no more. Your account says which."
                .to_owned(),
        NoticeKind::ExportReady => "An export is ready. You can download it now.".to_owned(),
        NoticeKind::ArchiveReady => "The zip of your images is ready. You can download it for seven days.".to_owned(),
    }
}

fn counted(gems: i64) -> String {
    if gems == 1 { "1 gem".to_owned() } else { format!("{gems} gems") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_a_sentence_with_its_gems_and_without() {
        for kind in NoticeKind::ALL {
            for gems in [None, Some(1), Some(120)] {
                let said = message(kind, gems);
                assert!(said.ends_with('.') && said.len() > 15, "{kind:?}: {said}");
                assert!(!said.contains("1 gems"), "{kind:?}: {said}");
            }
        }
        assert_eq!(message(NoticeKind::GemsLow, Some(1)), "You have 1 gem left.");
        assert!(message(NoticeKind::Debt, Some(120)).contains("You owe 120 gems"));
    }
}
