//! Which orgs records name, and which org the records join that name none.

use crate::open::Input;
use model::OrgId;

/// The org of records that name none, where no record names one and the caller gives none either.
pub const UNNAMED_ORG: &str = "unnamed-org";

/// The orgs that records name: none, one, or several.
///
/// It depends on the set of records alone, not on their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NamedOrgs {
    /// No record names an org.
    #[default]
    None,
    /// All records that name an org name this one.
    One(OrgId),
    /// Records name different orgs.
    Several,
}

impl NamedOrgs {
    /// Returns what the beginnings of these files name.
    pub fn at_the_beginning(inputs: &[Input]) -> Self {
        let mut all = Self::default();
        inputs.iter().for_each(|input| all.add(&input.named));
        all
    }

    /// Adds the org of an activity. [`UNNAMED_ORG`] is none.
    pub fn see(&mut self, org: &OrgId) {
        match self {
            Self::None if org.as_str() != UNNAMED_ORG => *self = Self::One(org.clone()),
            Self::One(one) if one != org && org.as_str() != UNNAMED_ORG => *self = Self::Several,
            _ => {}
        }
    }

    /// Returns the org that records without one join: the only named one, or [`UNNAMED_ORG`] if none is named. `None`
    /// if several are named, because nobody can say which it would be.
    pub fn joined(&self) -> Option<OrgId> {
        match self {
            Self::None => Some(OrgId::new(UNNAMED_ORG)),
            Self::One(org) => Some(org.clone()),
            Self::Several => None,
        }
    }

    fn add(&mut self, other: &Self) {
        match other {
            Self::None => {}
            Self::One(org) => self.see(org),
            Self::Several => *self = Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(orgs: &[&str]) -> NamedOrgs {
        let mut named = NamedOrgs::default();
        orgs.iter().for_each(|org| named.see(&OrgId::new(org)));
        named
    }

    #[test]
    fn records_without_an_org_join_the_only_one() {
        let joined = |orgs: &[&str]| of(orgs).joined().map(|org| org.to_string());
        assert_eq!(joined(&[]).as_deref(), Some(UNNAMED_ORG));
        assert_eq!(joined(&[UNNAMED_ORG]).as_deref(), Some(UNNAMED_ORG));
        assert_eq!(joined(&["a", UNNAMED_ORG, "a"]).as_deref(), Some("a"));
        assert_eq!(joined(&["a", "b"]), None);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters(
            orgs in prop::collection::vec(prop::sample::select(vec!["a", "b", UNNAMED_ORG]), 0..6),
            cut in 0_usize..6,
        ) {
            let (first, second) = orgs.split_at(cut.min(orgs.len()));
            let mut grouped = of(second);
            grouped.add(&of(first));
            prop_assert_eq!(grouped, of(&orgs));
        }
    }
}
