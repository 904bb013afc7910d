use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::client_ip::sender_network;

/// Notices when most deliveries come from one address though many browsers sent them: a proxy that
/// doesn't tell whom it speaks for. Limits per address would then throttle all visitors together.
#[derive(Default)]
pub(crate) struct Crowd(Mutex<Vote>);

/// A majority vote, judged anew after each window.
#[derive(Default)]
struct Vote {
    candidate: u64,
    lead: u32,
    of_candidate: u32,
    of_all: u32,
    /// One bit per hash of a user agent that the candidate sent.
    agents: u64,
    crowded: bool,
}

const WINDOW_DELIVERIES: u32 = 1_000;
/// A single sender who floods the server has one user agent or a few.
const AGENTS_MIN: u32 = 16;

impl Crowd {
    /// Notes a delivery; whether its address is a crowd's.
    pub(crate) fn note(&self, ip: IpAddr, user_agent: &[u8]) -> bool {
        let agent = user_agent.iter().fold(0u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(*byte));
        let agent = agent.wrapping_mul(0x9e37_79b9) >> 26;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(sender_network(ip), agent)
    }

    pub(crate) fn is_one_address(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).crowded
    }
}

impl Vote {
    fn note(&mut self, sender: u64, agent: u32) -> bool {
        if self.lead == 0 && self.candidate != sender {
            *self = Self { candidate: sender, of_all: self.of_all, ..Self::default() };
        }
        self.of_all += 1;
        if sender == self.candidate {
            self.lead = (self.lead + 1).min(WINDOW_DELIVERIES);
            self.of_candidate += 1;
            self.agents |= 1 << agent;
        } else {
            self.lead -= 1;
        }
        if self.of_all >= WINDOW_DELIVERIES {
            self.crowded =
                self.of_candidate > WINDOW_DELIVERIES / 2 && self.agents.count_ones() >= AGENTS_MIN;
            (self.of_all, self.of_candidate, self.agents) = (0, 0, 0);
        }
        self.crowded && sender == self.candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `share`-th delivery is from the first address, the others from all over; it has `agents`
    /// different user agents. Whether that makes a crowd.
    fn check_crowd(share: u32, agents: u32, expected: bool) {
        let crowd = Crowd::default();
        for n in 0..2 * WINDOW_DELIVERIES {
            let ip = if n % share == 0 { [203, 0, 113, 1] } else { (n | 1 << 24).to_be_bytes() };
            crowd.note(IpAddr::from(ip), format!("Browser/{}", n / share % agents).as_bytes());
        }
        assert_eq!(crowd.is_one_address(), expected, "1 in {share}, {agents} user agents");
        assert_eq!(crowd.note([203, 0, 113, 1].into(), b""), expected);
    }

    #[test]
    fn a_crowd_is_one_address_with_many_user_agents() {
        check_crowd(1, 200, true);
        check_crowd(1, 3, false);
        check_crowd(3, 200, false);
    }
}
