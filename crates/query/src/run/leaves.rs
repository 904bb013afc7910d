use rustc_hash::FxHashSet;
use weir_event::SiteId;
use weir_rollups::{Statistic, ValueId};
use weir_store::{Reading, StoreError};

use crate::parse::{Dimension, Leaf, Matcher};

/// A filter's leaf in numbers, so that no event's text is looked at.
#[derive(Debug)]
pub(crate) enum Test {
    Value {
        statistic: Statistic,
        values: FxHashSet<ValueId>,
        negated: bool,
    },
    /// Decided where the log row is read: properties have no dictionary.
    Prop,
}

impl Test {
    pub fn holds(&self, value: Option<ValueId>) -> bool {
        match self {
            Self::Value { values, negated, .. } => values.contains(&value.unwrap_or_default()) != *negated,
            Self::Prop => false,
        }
    }
}

/// Looks the leaves' texts up in the site's dictionary.
pub(crate) fn resolve(reading: &Reading<'_>, site: SiteId, leaves: &[Leaf]) -> Result<Vec<Test>, StoreError> {
    leaves.iter().map(|leaf| test(reading, site, leaf)).collect()
}

fn test(reading: &Reading<'_>, site: SiteId, leaf: &Leaf) -> Result<Test, StoreError> {
    let Dimension::Of(statistic) = leaf.dimension else { return Ok(Test::Prop) };
    let Some(dimension) = dictionary_of(statistic) else { return Ok(Test::Prop) };
    let mut values = FxHashSet::default();
    if let Matcher::Is(clauses) = &leaf.matcher {
        for clause in clauses {
            values.extend(reading.find(site, dimension, clause)?);
        }
    } else {
        if leaf.matcher.matches("") {
            values.insert(ValueId::NONE);
        }
        reading.values(site, dimension, &mut |value, text| {
            if leaf.matcher.matches(text) {
                values.insert(value);
            }
        })?;
    }
    Ok(Test::Value { statistic, values, negated: leaf.negated })
}

/// Which texts a statistic's values are.
fn dictionary_of(statistic: Statistic) -> Option<weir_store::Dimension> {
    use weir_store::Dimension as Of;
    Some(match statistic {
        Statistic::Page | Statistic::EntryPage | Statistic::ExitPage => Of::Page,
        Statistic::Source => Of::Source,
        Statistic::Referrer => Of::Referrer,
        Statistic::Channel => Of::Channel,
        Statistic::UtmSource => Of::UtmSource,
        Statistic::UtmMedium => Of::UtmMedium,
        Statistic::UtmCampaign => Of::UtmCampaign,
        Statistic::UtmContent => Of::UtmContent,
        Statistic::UtmTerm => Of::UtmTerm,
        Statistic::Country => Of::Country,
        Statistic::Device => Of::Device,
        Statistic::Browser => Of::Browser,
        Statistic::Os => Of::Os,
        Statistic::Host => Of::Host,
        Statistic::Event => Of::Event,
        Statistic::Site | Statistic::Flow => return None,
    })
}
