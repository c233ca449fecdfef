//! The rules of money in plain arithmetic, and a vendor that lives in memory. Written from the rules, not from the code:
//! it calls nothing of ours.

/// Splitmix64: the same seed throws the same.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end`, which is not among them.
    pub fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end).expect("above zero")).expect("it fits")
    }

    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below(most - least + 1)
    }

    pub fn index(&mut self, length: usize) -> Option<usize> {
        let end = i64::try_from(length).expect("few");
        (end > 0).then(|| usize::try_from(self.below(end)).expect("it fits"))
    }
}

#[derive(Clone, Debug)]
pub struct Part {
    pub amount: i64,
    /// Not failed, not reinstated.
    pub stands: bool,
}

/// One payment as the vendor has it.
#[derive(Clone, Debug)]
pub struct Money {
    pub progress: &'static str,
    pub paid: i64,
    pub refunds: Vec<Part>,
    pub disputes: Vec<Part>,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub gems: i64,
    pub asked: i64,
    pub money: Money,
    credited: bool,
    clawed_back: i64,
    last_heard: i32,
}

impl Payment {
    pub fn new(gems: i64, asked: i64) -> Self {
        let money = Money { progress: "open", paid: asked, refunds: Vec::new(), disputes: Vec::new() };
        Self { gems, asked, money, credited: false, clawed_back: 0, last_heard: 0 }
    }

    /// Something that may happen to it next, at the vendor.
    pub fn move_money(&mut self, dice: &mut Dice) -> String {
        let money = &mut self.money;
        match money.progress {
            "open" => match dice.below(12) {
                0..=5 => money.progress = "paid",
                6..=8 => money.progress = "pending",
                9 => money.progress = "expired",
                10 => (money.progress, money.paid) = ("free", 0),
                // Somebody paid another sum than we asked for.
                _ => (money.progress, money.paid) = ("paid", self.asked + 1),
            },
            "pending" => money.progress = if dice.below(4) > 0 { "paid" } else { "failed" },
            "paid" => return self.move_paid_money(dice),
            _ => {}
        }
        format!("{} {}", money.progress, money.paid)
    }

    fn move_paid_money(&mut self, dice: &mut Dice) -> String {
        let money = &mut self.money;
        let standing =
            |parts: &[Part]| -> i64 { parts.iter().filter(|part| part.stands).map(|part| part.amount).sum() };
        let left = money.paid - standing(&money.refunds);
        match dice.below(6) {
            0 | 1 if left > 0 => {
                let amount = if dice.below(3) == 0 { left } else { dice.between(1, left) };
                money.refunds.push(Part { amount, stands: true });
                format!("{amount} refunded")
            }
            // A bank may take back what was refunded already.
            2 | 3 => {
                let amount = if dice.below(2) == 0 { money.paid } else { dice.between(1, money.paid) };
                money.disputes.push(Part { amount, stands: true });
                format!("{amount} disputed")
            }
            which => {
                let parts = if which == 4 { &mut money.refunds } else { &mut money.disputes };
                let Some(index) = dice.index(parts.len()) else { return "nothing".to_owned() };
                parts[index].stands = false;
                format!("{} comes back", parts[index].amount)
            }
        }
    }

    /// What is left of it is refunded.
    pub fn send_back(&mut self) {
        let refunded: i64 = self.money.refunds.iter().filter(|part| part.stands).map(|part| part.amount).sum();
        if refunded < self.money.paid {
            self.money.refunds.push(Part { amount: self.money.paid - refunded, stands: true });
        }
    }

    /// Gems credited, and taken back of them, once everything was heard.
    pub fn worth(&self) -> (i64, i64) {
        if self.credited { (self.gems, gone(self.gems, &self.money)) } else { (0, 0) }
    }
}

/// The most gems whose price is no more than the money that went: counted, not divided.
fn share(gems: i64, went: i64, paid: i64) -> i64 {
    if went >= paid {
        return gems;
    }
    let (mut least, mut most) = (0, gems);
    while least < most {
        let middle = (least + most + 1) / 2;
        if middle * paid <= gems * went { least = middle } else { most = middle - 1 }
    }
    least
}

fn gone(gems: i64, money: &Money) -> i64 {
    let of = |parts: &[Part]| -> i64 {
        let went: i64 = parts.iter().filter(|part| part.stands).map(|part| part.amount).sum();
        if went == 0 { 0 } else { share(gems, went, money.paid) }
    };
    (of(&money.refunds) + of(&money.disputes)).min(gems)
}

/// One account.
#[derive(Clone, Debug)]
pub struct Model {
    pub granted: i64,
    pub purchased: i64,
    pub has_owner: bool,
    pub payments: Vec<Payment>,
    free: i64,
    bought: i64,
    held_free: i64,
    held_bought: i64,
    debt: i64,
    used: i64,
}

impl Model {
    pub fn new(free: i64) -> Self {
        Self {
            granted: free,
            purchased: 0,
            has_owner: true,
            payments: Vec::new(),
            free,
            bought: 0,
            held_free: 0,
            held_bought: 0,
            debt: 0,
            used: 0,
        }
    }

    pub fn balance(&self) -> (i64, i64, i64, i64, i64, i64, i64) {
        (self.free, self.bought, self.held_free, self.held_bought, self.debt, self.used, self.purchased)
    }

    /// Free gems first; none at all while something is owed.
    pub fn hold(&mut self, price: i64) -> Option<(i64, i64)> {
        if self.debt > 0 || self.free + self.bought < price {
            return None;
        }
        let free = if self.free < price { self.free } else { price };
        let bought = price - free;
        self.free -= free;
        self.bought -= bought;
        self.held_free += free;
        self.held_bought += bought;
        Some((free, bought))
    }

    /// Free gems are taken first; what is left of each goes back to its own.
    pub fn settle(&mut self, held: (i64, i64), captured: i64) {
        let taken_free = if captured < held.0 { captured } else { held.0 };
        let taken_bought = captured - taken_free;
        self.held_free -= held.0;
        self.held_bought -= held.1;
        self.used += captured;
        self.free += held.0 - taken_free;
        self.give_bought(held.1 - taken_bought);
    }

    /// What is owed is settled before anything is there to spend.
    fn give_bought(&mut self, gems: i64) {
        let after = self.bought - self.debt + gems;
        (self.bought, self.debt) = if after >= 0 { (after, 0) } else { (0, -after) };
    }

    fn take_bought(&mut self, gems: i64) {
        let after = self.bought - self.debt - gems;
        (self.bought, self.debt) = if after >= 0 { (after, 0) } else { (0, -after) };
    }

    /// A reading came to its posting.
    pub fn hear(&mut self, which: usize, ticket: i32, seen: &Money) {
        let payment = &mut self.payments[which];
        if ticket < payment.last_heard {
            return;
        }
        payment.last_heard = ticket;
        let may_be_credited = seen.progress == "paid" && seen.paid == payment.asked && self.has_owner;
        if !payment.credited && !may_be_credited {
            return;
        }
        let (is_first, gems) = (!payment.credited, payment.gems);
        let before = payment.clawed_back;
        let after = gone(gems, seen);
        (payment.credited, payment.clawed_back) = (true, after);
        if is_first {
            self.purchased += gems;
            self.give_bought(gems);
        }
        self.purchased -= after - before;
        if after > before {
            self.take_bought(after - before);
        } else {
            self.give_bought(before - after);
        }
    }
}
