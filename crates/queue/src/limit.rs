use std::fmt;

/// What an append would pass, and with it who refuses: the channel before the writer, the backlog,
/// one site's share of either, or the disk. Closed: answers, gauges and health name one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Events or bytes that wait for the writer.
    Waiting,
    /// Events that are not settled.
    Backlog,
    /// What one site may fill of the room that the other sites leave.
    SiteShare,
    /// The disk is below its reserve.
    Disk,
}

impl Limit {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Backlog, Self::SiteShare, Self::Disk];

    /// Stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Backlog => "backlog",
            Self::SiteShare => "site_share",
            Self::Disk => "disk",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Appends refused since the start, by limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused([u64; Limit::ALL.len()]);

impl Refused {
    pub(crate) fn count(&mut self, limit: Limit) {
        self.0[limit as usize] += 1;
    }

    pub fn by(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_count_and_a_name_of_its_own() {
        for (n, limit) in Limit::ALL.into_iter().enumerate() {
            let mut refused = Refused::default();
            refused.count(limit);
            assert_eq!((refused.by(limit), refused.sum()), (1, 1), "{limit}");
            assert!(Limit::ALL[..n].iter().all(|other| other.name() != limit.name()), "{limit}");
        }
    }
}
