//! What a figure is: its name says so, also in files of earlier runs.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measure {
    /// So many a second: more is better.
    Rate,
    /// Of so many microseconds: less is better.
    Time { us: f64 },
    /// Less is better.
    Size,
    /// One figure against another: less is better.
    Ratio,
    /// Neither.
    Count,
}

/// Beginnings of names of what was asked for, not found.
const ASKED: [&str; 4] = ["offered_", "sent_", "not_sent_", "asked_"];

impl Measure {
    pub fn of(name: &str) -> Self {
        let parts = || name.split('_');
        match () {
            () if ASKED.iter().any(|asked| name.starts_with(asked)) => Self::Count,
            () if name.contains("_to_") => Self::Ratio,
            () if name.contains("per_second") => Self::Rate,
            () if parts().any(|part| part == "ms") => Self::Time { us: 1e3 },
            () if parts().any(|part| part == "us") => Self::Time { us: 1.0 },
            () if parts().any(|part| part == "secs") => Self::Time { us: 1e6 },
            () if parts().any(|part| ["mib", "bytes"].contains(&part)) => Self::Size,
            () => Self::Count,
        }
    }

    /// Whether `new` is better than `old`; `None` where neither is.
    pub fn is_better(self, new: f64, old: f64) -> Option<bool> {
        match self {
            Self::Rate => Some(new > old),
            Self::Time { .. } | Self::Size | Self::Ratio => Some(new < old),
            Self::Count => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_figure_is() {
        for (name, measure) in [
            ("accepted_events_per_second", Measure::Rate),
            ("offered_events_per_second", Measure::Count),
            ("p99_9_ms", Measure::Time { us: 1e3 }),
            ("accepted_p50_ms_from_due", Measure::Time { us: 1e3 }),
            ("server_cpu_us_per_event", Measure::Time { us: 1.0 }),
            ("server_cpu_secs", Measure::Time { us: 1e6 }),
            ("p99_to_fdatasync", Measure::Ratio),
            ("loaded_mib_max", Measure::Size),
            ("log_bytes_per_event", Measure::Size),
            ("events", Measure::Count),
            ("refused_events", Measure::Count),
            ("first_slice_to_last", Measure::Ratio),
        ] {
            assert_eq!(Measure::of(name), measure, "{name}");
        }
    }
}
