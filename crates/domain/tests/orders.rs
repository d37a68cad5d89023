//! An order through ten thousand histories: buyers, strangers, a chain that is read late or not at all, a facilitator that
//! lies, a process that dies. Nothing is delivered without money, nothing is given up while money may still move, and what
//! moved is delivered or credited, once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use innkeeper_domain::ids::{LeaseId, OrderId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::orders::{Authorization, Fate, Goods, MARGIN, Order, OrderState, Verdict};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network, Nonce, TxHash};
use proptest::prelude::*;

const TX: TxHash = TxHash([1; 32]);

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The buyer sends the payment (again), and the facilitator says yes or no to it, or does not answer; then the
    /// process may die.
    Sent { says: Option<bool>, sight: Sight, dies: bool },
    /// The facilitator is asked to settle: it does or does not, whatever it says of that.
    Settled { does: bool },
    /// A stranger who has the signature brings it to the chain.
    Broadcast,
    /// The payer takes it back.
    Canceled,
    /// So many seconds pass.
    Passed(u16),
    /// The house looks what became of it.
    Looked(Sight),
    /// It is delivered, or turns out to be impossible.
    Worked { can: bool },
}

/// How well the chain is seen.
#[derive(Clone, Copy, Debug)]
enum Sight {
    Clear,
    /// As it was so many seconds ago.
    Late(u16),
    None,
}

fn sight() -> impl Strategy<Value = Sight> {
    prop_oneof![3 => Just(Sight::Clear), 2 => (0_u16..400).prop_map(Sight::Late), 1 => Just(Sight::None)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (proptest::option::weighted(0.8, any::<bool>()), sight(), proptest::bool::weighted(0.2))
            .prop_map(|(says, sight, dies)| Event::Sent { says, sight, dies }),
        3 => any::<bool>().prop_map(|does| Event::Settled { does }),
        1 => Just(Event::Broadcast),
        1 => Just(Event::Canceled),
        3 => (0_u16..200).prop_map(Event::Passed),
        4 => sight().prop_map(Event::Looked),
        2 => any::<bool>().prop_map(|can| Event::Worked { can }),
    ]
}

/// The chain, and the house.
struct World {
    now: u64,
    until: u64,
    moved_at: Option<u64>,
    canceled_at: Option<u64>,
    order: Order,
    delivered: u32,
    credited: u32,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(i64::try_from(seconds).unwrap() * 1_000_000)
}

impl World {
    fn new() -> Self {
        let (now, until) = (1_000, 1_300);
        let payment = Authorization {
            network: Network::BASE,
            asset: Address([0; 20]),
            payer: Address([1; 20]),
            nonce: Nonce([2; 32]),
            pay_to: Address([3; 20]),
            amount: 7,
            valid_before: at(until),
            from_block: 0,
        };
        let order = Order {
            id: OrderId::new(),
            lease_id: LeaseId::new(),
            goods: Goods::Time { minutes: 5, hourly: Micros(600) },
            state: OrderState::Claimed,
            price: Micros(7),
            payment: Some(payment),
            buyer: None,
            fingerprint: Vec::new(),
            key_hash: None,
            token_hash: None,
            transaction: None,
            problem: None,
            created_at: at(now),
            paid_at: None,
            ended_at: None,
            due_at: None,
            tries: 0,
        };
        Self { now, until, moved_at: None, canceled_at: None, order, delivered: 0, credited: 0 }
    }

    fn can_move(&self) -> bool {
        self.moved_at.is_none() && self.canceled_at.is_none() && self.now < self.until
    }

    fn seen(&self, sight: Sight) -> Fate {
        let then = match sight {
            Sight::None => return Fate::Unknown,
            Sight::Clear => self.now,
            Sight::Late(by) => self.now.saturating_sub(u64::from(by)),
        };
        if self.moved_at.is_some_and(|at| at <= then) {
            Fate::Paid(TX)
        } else if self.canceled_at.is_some_and(|at| at <= then) {
            Fate::Void
        } else {
            Fate::Unused { expired: then >= self.until }
        }
    }

    /// What the engine does with what the chain says.
    fn conclude(&mut self, fate: Fate) {
        match self.order.judge(fate) {
            Verdict::Deliver(_) => {
                assert!(self.moved_at.is_some(), "delivered without money");
                assert_eq!(self.order.state, OrderState::Settling, "for somebody who never asked");
                (self.order.state, self.order.paid_at) = (OrderState::Paid, Some(at(self.now)));
            }
            Verdict::Credit(_) => {
                assert!(self.moved_at.is_some(), "credited without money");
                self.credited += 1;
                self.order.state = OrderState::Credited;
            }
            Verdict::Lapse => {
                assert!(self.moved_at.is_none() && !self.can_move(), "given up while money may still move");
                self.order.state = OrderState::Lapsed;
            }
            Verdict::Wait => self.order.tries += 1,
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Passed(seconds) => self.now += u64::from(seconds),
            Event::Broadcast if self.can_move() => self.moved_at = Some(self.now),
            Event::Canceled if self.can_move() => self.canceled_at = Some(self.now),
            Event::Settled { does: true } if self.order.state == OrderState::Settling && self.can_move() => {
                self.moved_at = Some(self.now);
            }
            Event::Looked(sight) => {
                let fate = self.seen(sight);
                self.conclude(fate);
            }
            Event::Sent { says, sight, dies } if self.order.state.can_be_tried_again() => {
                self.order.state = OrderState::Claimed;
                let (Some(yes), false) = (says, dies) else { return };
                match (yes, self.seen(sight)) {
                    (true, Fate::Unused { expired: false }) => self.order.state = OrderState::Settling,
                    (true, Fate::Unknown) => {}
                    (_, fate) => {
                        self.conclude(fate);
                        if self.order.state == OrderState::Claimed {
                            self.order.state = OrderState::Refused;
                        }
                    }
                }
            }
            Event::Worked { can } if self.order.state == OrderState::Paid => {
                let (count, state) = if can {
                    (&mut self.delivered, OrderState::Delivered)
                } else {
                    (&mut self.credited, OrderState::Credited)
                };
                *count += 1;
                self.order.state = state;
            }
            _ => {}
        }
        self.check();
    }

    fn check(&self) {
        let got = self.delivered + self.credited;
        assert!(got <= 1, "twice");
        assert!(got == 0 || self.moved_at.is_some(), "for nothing");
        let now = at(self.now);
        match self.order.next_look(now) {
            None => assert!(self.order.state.is_over(), "{} is forgotten", self.order.state),
            Some(next) => {
                assert!(!self.order.state.is_over() && next > now, "{}", self.order.state);
                let most = now.after(Duration::from_mins(10)).max(at(self.until).after(MARGIN));
                assert!(next <= most, "{} is left for too long", self.order.state);
            }
        }
        if self.order.may_settle(now) {
            assert!(self.order.state == OrderState::Settling && self.now < self.until);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_money_buys_once_and_only_money_does(
        events in proptest::collection::vec(event(), 0..40),
    ) {
        let mut world = World::new();
        for event in events {
            world.happens(event);
        }
        // In the end everybody sees clearly, and everything is worked off.
        for _ in 0..10 {
            world.happens(Event::Passed(400));
            world.happens(Event::Looked(Sight::Clear));
            world.happens(Event::Worked { can: true });
        }
        prop_assert!(world.order.state.is_over());
        let got = world.delivered + world.credited;
        prop_assert_eq!(got, u32::from(world.moved_at.is_some()));
    }
}

/// Every state and every word of the chain have an answer, and what is over stays as it is.
#[test]
fn judging_is_total_and_what_is_over_stays_over() {
    let fates = [
        Fate::Unused { expired: false },
        Fate::Unused { expired: true },
        Fate::Paid(TX),
        Fate::Void,
        Fate::Hidden,
        Fate::Unknown,
    ];
    let mut order = World::new().order;
    for state in [OrderState::Paid, OrderState::Delivered, OrderState::Credited, OrderState::Lapsed] {
        order.state = state;
        for fate in fates {
            assert_eq!(order.judge(fate), Verdict::Wait, "{state} {fate:?}");
        }
    }
    for state in [OrderState::Claimed, OrderState::Refused, OrderState::Settling] {
        order.state = state;
        assert_eq!(order.judge(Fate::Unknown), Verdict::Wait);
        assert_eq!(order.judge(Fate::Unused { expired: false }), Verdict::Wait);
        assert_eq!(order.judge(Fate::Unused { expired: true }), Verdict::Lapse);
        assert_eq!(order.judge(Fate::Void), Verdict::Lapse);
        let paid = if state == OrderState::Settling { Verdict::Deliver(TX) } else { Verdict::Credit(TX) };
        assert_eq!(order.judge(Fate::Paid(TX)), paid);
    }
    // However often it was looked at, the next look is neither now nor never.
    for tries in [0, 1, 16, 17, u32::MAX] {
        order.tries = tries;
        order.state = OrderState::Settling;
        let next = order.next_look(at(5)).unwrap();
        assert!(next > at(5) && next <= at(5).after(Duration::from_mins(10)), "{tries}");
    }
}
