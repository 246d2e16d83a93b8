//! The facets of an activity's connection that it carries. Copies of one activity may carry different ones.

use model::{Activity, SourceIp};

/// A set of facets: a bit for each part of an activity that [`connection`](super::connection) learns. The bits are part
/// of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facets(pub(crate) u8);

impl Facets {
    const NETWORK: u8 = 1;
    const CLIENT: u8 = 1 << 1;
    const COUNTRY: u8 = 1 << 2;
    const SESSION: u8 = 1 << 3;
    const DELEGATE: u8 = 1 << 4;
    const ROLE: u8 = 1 << 5;
    const USER_TYPE: u8 = 1 << 6;
    const RIGHT: u8 = 1 << 7;

    /// All facets: no copy can add one.
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// Returns the facets that the activity carries.
    pub(crate) fn of(activity: &Activity) -> Self {
        let carried = [
            (Self::NETWORK, matches!(activity.source_ip, Some(SourceIp::Address(_)))),
            (Self::CLIENT, activity.client.is_some()),
            (Self::COUNTRY, activity.country.is_some()),
            (Self::SESSION, activity.session_key.is_some() || activity.login_key.is_some()),
            (Self::DELEGATE, activity.delegate.is_some()),
            (Self::ROLE, activity.profile_id.is_some() && activity.role_id.is_some()),
            (Self::USER_TYPE, activity.user_type.is_some()),
            (Self::RIGHT, activity.administers.is_some()),
        ];
        Self(carried.into_iter().map(|(bit, is_carried)| if is_carried { bit } else { 0 }).sum())
    }

    /// Returns the facets that `known` lacks.
    pub(crate) fn beyond(self, known: Self) -> Self {
        Self(self.0 & !known.0)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the activity with these facets only.
    pub(crate) fn only(self, activity: &Activity) -> Activity {
        let mut only = activity.clone();
        let lacks = |facets: u8| self.0 & facets == 0;
        if lacks(Self::NETWORK) {
            only.source_ip = None;
        }
        if lacks(Self::CLIENT) {
            only.client = None;
        }
        if lacks(Self::COUNTRY) {
            only.country = None;
        }
        if lacks(Self::DELEGATE) {
            only.delegate = None;
        }
        if lacks(Self::ROLE) {
            (only.profile_id, only.role_id) = (None, None);
        }
        if lacks(Self::USER_TYPE) {
            only.user_type = None;
        }
        if lacks(Self::RIGHT) {
            only.administers = None;
        }
        // A new network, client or delegate belongs to the session, whether that is new or not.
        if lacks(Self::SESSION | Self::NETWORK | Self::CLIENT | Self::DELEGATE) {
            (only.session_key, only.login_key) = (None, None);
        }
        only
    }

    /// Whether the session is among them: if it is new, it was not followed yet.
    pub(crate) fn has_session(self) -> bool {
        self.0 & Self::SESSION != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Channel, Delegate, Kind, OrgId, Timestamp, UserId, Uuid};

    fn bare() -> Activity {
        let (org, user) = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new("005hn00000EmmaMAAU"));
        Activity::new(Uuid::from_u128(1), org, user, Timestamp(0), Channel::Stream, Kind::ListView)
    }

    fn whole() -> Activity {
        let some = || Some("x".into());
        Activity {
            source_ip: Some(SourceIp::Address([198, 51, 100, 7].into())),
            client: some(),
            country: some(),
            session_key: some(),
            login_key: some(),
            delegate: Some(Box::new(Delegate::default())),
            profile_id: some(),
            role_id: some(),
            user_type: some(),
            administers: Some(true),
            ..bare()
        }
    }

    #[test]
    fn every_facet_is_found_and_removed() {
        let all = Facets::of(&whole());
        assert_eq!((Facets::of(&bare()), all), (Facets(0), Facets(0xff)));
        assert!(all.beyond(Facets::ALL).is_empty());
        for bit in (0..8).map(|bit| Facets(1 << bit)) {
            assert_eq!(all.beyond(all.beyond(bit)), bit);
            let of_session = Facets(Facets::NETWORK | Facets::CLIENT | Facets::DELEGATE);
            let kept = if bit.beyond(of_session).is_empty() { Facets(bit.0 | Facets::SESSION) } else { bit };
            assert_eq!(Facets::of(&bit.only(&whole())), kept, "{bit:?}");
        }
        assert_eq!(all.only(&whole()), whole());
    }

    #[test]
    fn traffic_from_inside_salesforce_has_no_network() {
        let inside = Activity { source_ip: Some(SourceIp::Salesforce), ..bare() };
        assert!(Facets::of(&inside).is_empty());
    }
}
