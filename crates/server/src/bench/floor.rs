//! What the machine can do at the moment: beside every figure stands what it is of this.

use std::path::Path;

use super::cpu::Cpu;
use super::disk::Disk;
use super::measure::Measure;
use super::report::{Figure, Section};

#[derive(Debug)]
pub(super) struct Floor {
    disk: Disk,
    cpu: Cpu,
}

/// The names of the floor's own sections.
pub(super) const SECTIONS: [&str; 2] = ["disk", "cpu"];

impl Floor {
    pub fn probe(parent: &Path) -> anyhow::Result<Self> {
        Ok(Self { disk: Disk::probe(parent)?, cpu: Cpu::probe() })
    }

    /// The ordinary flush, in microseconds.
    pub fn flush_us(&self) -> f64 {
        self.disk.flush_us()
    }

    pub fn sections(&self) -> [Section; 2] {
        [self.disk.section(), self.cpu.section()]
    }

    /// A time as so many flushes and so many pieces of work; of a rate, how much comes in the time of
    /// either. Other figures have nothing to do with these, and a part of an event's cost is too small.
    pub fn ratios(&self, figure: &Figure) -> Option<[f64; 2]> {
        let floors_us = [self.flush_us(), self.cpu.work_us()];
        match Measure::of(&figure.name) {
            Measure::Time { us } if us > 1.0 => Some(floors_us.map(|floor_us| figure.value * us / floor_us)),
            Measure::Rate => Some(floors_us.map(|floor_us| figure.value * floor_us / 1e6)),
            Measure::Time { .. } | Measure::Size | Measure::Ratio | Measure::Count => None,
        }
    }
}
