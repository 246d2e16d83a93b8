//! Changes in Setup, and of permissions, that weaken the org's defenses: how new they are to the account.

use super::access::establish;
use super::{Shared, names};
use crate::estimate::Sighting;
use crate::user::{Day, Profile};
use model::{Activity, Feature, Kind, Setup, SetupCase, Text, setup};

/// The key of apps that the org did not know; they count under that of all apps, too.
const NEW_APP: &str = "new_app";

/// Learns a change that weakens the defenses in one way. The day's first becomes a feature, and the first app of the day that
/// the org does not know, so that no known one hides it.
pub(super) fn learn(
    profile: &mut Profile,
    day: &Day,
    shared: &mut Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    let Some(case) = SetupCase::of(activity) else { return };
    let key = names::key(names::SETUP, case.as_str());
    let sighting = profile.values.setup.touch(key, day.number);
    let peer_share = shared.populations.share_knowing(key);
    establish(shared, sighting, key, day.number);
    let is_app = case == SetupCase::App;
    let known_app = is_app && setup::connected_app(activity).is_some_and(|app| note_app(shared, app));
    let of_kind = if is_app && !known_app {
        profile.values.setup.touch(names::key(names::SETUP, NEW_APP), day.number)
    } else {
        sighting
    };
    if matches!(of_kind, Sighting::Today { .. }) {
        return;
    }
    features.push(Feature::Setup(Setup {
        case,
        what: what(activity),
        seen: sighting.days().into(),
        days: profile.days,
        org_days: shared.populations.user_days(),
        peer_share,
        known_app,
    }));
}

/// Remembers the name of an app. Returns whether the org knew it.
fn note_app(shared: &mut Shared, app: &str) -> bool {
    let key = names::key(names::APP, app);
    let is_known = shared.names.values.contains_key(&key);
    shared.names.note(key, app);
    is_known
}

/// Returns what changed, in Salesforce's words.
fn what(activity: &Activity) -> Text {
    let rights = || {
        let list = activity.attributes.iter().find(|attribute| attribute.name == "PermissionList")?;
        let names: Vec<&str> =
            list.value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|n| !n.is_empty()).collect();
        Some(Text::from(names.join(", ")))
    };
    let rights = if activity.kind == Kind::PermissionSet { rights() } else { None };
    rights.or_else(|| activity.resource_name.clone()).or_else(|| activity.operation.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::org::testing::Fed;
    use model::Channel;
    use model::time::{DAY, HOUR};

    struct World(Fed);

    impl World {
        /// Returns an org in which one account administers on each of 30 days, and another one reads.
        fn new() -> Self {
            let mut world = Self(Fed::new());
            for day in 0..30 {
                world.change(day, "admin", "Permission set View All Data: assigned to user Lee Roe");
                world.at(day, "reader", Kind::ListView, None);
            }
            world
        }

        fn at(&mut self, day: i64, user: &str, kind: Kind, sentence: Option<&str>) -> Vec<Setup> {
            let mut activity = self.0.activity(day * DAY + 9 * HOUR, user, Channel::Setup, kind);
            activity.resource_name = sentence.map(Text::from);
            let features = self.0.features(&activity).into_iter();
            features
                .filter_map(|feature| if let Feature::Setup(setup) = feature { Some(setup) } else { None })
                .collect()
        }

        fn change(&mut self, day: i64, user: &str, sentence: &str) -> Vec<Setup> {
            self.at(day, user, Kind::SetupChange, Some(sentence))
        }
    }

    #[test]
    fn days_with_such_changes_are_counted_by_account() {
        let mut world = World::new();
        let sentence = "Permission set View All Data: assigned to user Kim Roe";
        let [usual] = &world.change(30, "admin", sentence)[..] else { panic!() };
        assert_eq!((usual.case, usual.days, usual.what.as_str()), (SetupCase::BroadRights, 30.0, sentence));
        assert!(usual.seen > 20.0, "{usual:?}");
        let [first] = &world.change(30, "reader", sentence)[..] else { panic!() };
        assert_eq!((first.seen, first.days), (0.0, 30.0));
        assert!(first.org_days >= 50.0 && first.peer_share > 0.3, "{first:?}");
        assert_eq!(first.org_days, 60.0, "30 days of each, the first ones, too");
    }

    #[test]
    fn a_day_has_one_feature_for_each_case() {
        let mut world = World::new();
        assert_eq!(world.change(30, "reader", "Changed session timeout from 2 hours to 12 hours").len(), 1);
        assert_eq!(world.change(30, "reader", "Changed session timeout from 12 hours to 24 hours").len(), 0);
        assert_eq!(world.change(30, "reader", "Added Ip AllowList from 0.0.0.0 to 255.255.255.255").len(), 1);
        assert_eq!(world.change(31, "reader", "Changed session timeout from 12 hours to 24 hours").len(), 1);
        assert_eq!(world.change(31, "reader", "Created custom field: Color (Picklist)").len(), 0);
    }

    #[test]
    fn the_org_remembers_apps() {
        let mut world = World::new();
        let known = |setups: Vec<Setup>| setups.iter().map(|setup| setup.known_app).collect::<Vec<_>>();
        assert_eq!(known(world.change(30, "admin", "Installed Connected App Loader to Acme")), [false]);
        assert_eq!(known(world.change(30, "reader", "Installed Connected App Loader to Acme")), [true]);
        assert_eq!(known(world.change(31, "reader", "Installed Connected App Night Loader to Acme")), [false]);
    }

    #[test]
    fn a_known_app_hides_no_unknown_one() {
        let [known, new] = ["Installed Connected App Loader to Acme", "Installed Connected App Night Loader to Acme"];
        for sentences in [[known, new], [new, known]] {
            let mut world = World::new();
            world.change(30, "admin", known);
            let observed = sentences.map(|sentence| world.change(31, "reader", sentence)).concat();
            let unknown: Vec<&Setup> = observed.iter().filter(|setup| !setup.known_app).collect();
            let [unknown] = unknown[..] else { panic!("{observed:?}") };
            assert_eq!((unknown.what.as_str(), unknown.seen), (new, 0.0));
            assert_eq!(world.change(31, "reader", "Created Connected App Day Loader"), [], "one a day");
        }
    }

    #[test]
    fn only_apps_that_are_added_are_known() {
        let mut world = World::new();
        world.change(30, "admin", "Installed Connected App Loader to Acme");
        let rules = "Changed connected app Loader scopes from api to full, refresh_token";
        for day in [31, 32] {
            let [setup] = &world.change(day, "admin", rules)[..] else { panic!() };
            assert_eq!((setup.case, setup.known_app), (SetupCase::AppRules, false));
        }
    }

    #[test]
    fn no_name_of_an_operation_makes_an_account_forget_a_case() {
        let mut world = World::new();
        world.change(30, "reader", "Changed session timeout from 2 hours to 12 hours");
        for n in 0..40 {
            let mut call = world.0.activity(31 * DAY + n * HOUR / 4, "reader", Channel::LogFile, Kind::Api);
            call.operation = Some(format!("operation {n}").as_str().into());
            world.0.observe(&call);
        }
        let [again] = &world.change(32, "reader", "Changed session timeout from 2 hours to 12 hours")[..] else {
            panic!()
        };
        assert!(again.seen > 0.9, "{again:?}");
    }
}
