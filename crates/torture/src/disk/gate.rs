//! Places where a test makes the disk wait, so that two threads meet in a known order.

use super::faults::{FileMatch, Op};

#[derive(Default)]
pub(super) struct Gates {
    shut: Vec<Gate>,
    made: u64,
}

struct Gate {
    id: u64,
    files: FileMatch,
    op: Op,
    reached: bool,
}

impl Gates {
    pub fn shut(&mut self, files: FileMatch, op: Op) -> u64 {
        self.made += 1;
        self.shut.push(Gate { id: self.made, files, op, reached: false });
        self.made
    }

    pub fn open(&mut self, id: u64) {
        self.shut.retain(|gate| gate.id != id);
    }

    pub fn is_reached(&self, id: u64) -> bool {
        self.shut.iter().any(|gate| gate.id == id && gate.reached)
    }

    pub fn give_up(&mut self, id: u64) {
        self.shut.iter_mut().filter(|gate| gate.id == id).for_each(|gate| gate.reached = true);
    }

    /// The gate that this operation has to wait at.
    pub fn reach(&mut self, path: &str, op: Op) -> Option<u64> {
        let gate = self.shut.iter_mut().find(|gate| gate.op == op && gate.files.matches(path))?;
        gate.reached = true;
        Some(gate.id)
    }

    pub fn is_shut(&self, id: u64) -> bool {
        self.shut.iter().any(|gate| gate.id == id)
    }
}
