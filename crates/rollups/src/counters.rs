use std::ops::{AddAssign, SubAssign};

/// What every statistic counts, for one value of its dimension in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Distinct visitor ids within the bucket.
    pub visitors: i64,
    /// Visitors of the day, each in the hour in which the value was first seen: these add up.
    pub first_visitors: i64,
    pub visits: i64,
    pub pageviews: i64,
    /// Custom events, interactive or not; page views are not among them.
    pub events: i64,
    pub bounces: i64,
    /// Sum over visits, in seconds.
    pub duration_secs: i64,
    /// Minor units of the row's currency.
    pub amount: i64,
}

impl Counters {
    pub const NAMES: [&'static str; 8] =
        ["visitors", "first_visitors", "visits", "pageviews", "events", "bounces", "duration_secs", "amount"];

    /// In the order of [`Self::NAMES`].
    pub fn values(&self) -> [i64; 8] {
        [
            self.visitors,
            self.first_visitors,
            self.visits,
            self.pageviews,
            self.events,
            self.bounces,
            self.duration_secs,
            self.amount,
        ]
    }

    pub fn from_values(values: [i64; 8]) -> Self {
        let [visitors, first_visitors, visits, pageviews, events, bounces, duration_secs, amount] = values;
        Self { visitors, first_visitors, visits, pageviews, events, bounces, duration_secs, amount }
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.visitors += other.visitors;
        self.first_visitors += other.first_visitors;
        self.visits += other.visits;
        self.pageviews += other.pageviews;
        self.events += other.events;
        self.bounces += other.bounces;
        self.duration_secs += other.duration_secs;
        self.amount += other.amount;
    }
}

impl SubAssign for Counters {
    fn sub_assign(&mut self, other: Self) {
        self.visitors -= other.visitors;
        self.first_visitors -= other.first_visitors;
        self.visits -= other.visits;
        self.pageviews -= other.pageviews;
        self.events -= other.events;
        self.bounces -= other.bounces;
        self.duration_secs -= other.duration_secs;
        self.amount -= other.amount;
    }
}
