//! Decisions among the entries of the stream.

use super::*;
use model::decision::Disposed;
use model::{Decision, Disposition, UserClass};

/// Settings that people decide on: one learns and measures otherwise, the other only judges otherwise.
pub(super) fn decided() -> BTreeMap<Text, Settings> {
    let mut tokyo = whole();
    tokyo.profile.time_zone = "Asia/Tokyo".to_owned();
    tokyo.profile.memory_days = 20;
    tokyo.detect.least_rows = 300.0;
    let mut strict = whole();
    strict.detect.raise_at = 1.5;
    [tokyo, strict].map(|settings| (settings.hash(), settings)).into()
}

/// Returns a class by hand, a disposition, settings, or the undoing of an earlier decision.
pub(super) fn decision(n: u32, org: &str, user: u32, dice: u32) -> Decision {
    let detectors = [("row_spike".into(), 0.25), ("off_hours".into(), 0.75)];
    let ruling = match dice / 13 % 5 {
        4 => {
            let (hash, settings) = decided().into_iter().nth(dice as usize % 2).unwrap();
            Ruling::Settings { hash, toml: settings.stored().unwrap() }
        }
        0 => Ruling::Class { class: UserClass::ALL[dice as usize % 5] },
        1 => Ruling::Undone { decision_id: Uuid::from_u128((n - n % 40).into()) },
        _ => Ruling::Disposition(Disposed {
            incident_id: Uuid::from_u128(n.into()),
            disposition: Disposition::ALL[dice as usize % 4],
            teaches: true,
            credits: detectors.into(),
            user_class: UserClass::ALL[dice as usize % 3],
            severity: model::Severity::Critical,
        }),
    };
    let from = Timestamp::parse("2026-03-02").unwrap().plus(i64::from(dice % 9) * DAY);
    Decision {
        decision_id: Uuid::from_u128(n.into()),
        org_id: OrgId::new(org),
        user_id: Some(UserId::new(&format!("user{user}"))),
        ruling,
        from,
        until: dice.is_multiple_of(3).then(|| from.plus(2 * DAY)),
        decided_by: "analyst".into(),
        claimed_by: None,
        reason: "known".to_owned(),
        decided_at: from,
        in_force: BTreeMap::new(),
    }
}

const ORG: &str = "00Dhn0000018hrcEAA";
const OTHER: &str = "00Dhn0000018hrdEAA";

/// Settings as a text, under a hash that is theirs or not.
fn push(n: u32, org: &str, hash: &str, toml: &str) -> Decision {
    let ruling = Ruling::Settings { hash: hash.into(), toml: toml.to_owned() };
    let start = Timestamp::parse("2026-03-02").unwrap();
    Decision { ruling, user_id: None, until: None, from: start, ..decision(n, org, 0, 1) }
}

/// Lets an account of either org work for some hours of a day, with decisions after the first one. Returns the hashes of the
/// settings that observations of the orgs name then, and the refused decisions.
fn follow(partition: &mut Partition, day: i64, decisions: &[Decision]) -> ([String; 2], Vec<(u128, String)>) {
    let of_org = |(number, org): (u32, &str)| {
        let mut named = String::new();
        for hour in 0..4 {
            let at = Timestamp::parse("2026-03-03").unwrap().plus(day * DAY + hour * HOUR);
            let mut login = activity((day * 100) as u32 + number * 10 + hour as u32, org, "user0", at, 1);
            login.native = Some(Box::new(model::NativeAnomaly {
                score: Some(0.5),
                scale: model::ScoreScale::ZeroToOne,
                summary: None,
                features: vec![],
                unread: None,
            }));
            let mut out = Vec::new();
            partition.apply(&login.into(), &mut out).unwrap();
            named = out.last().unwrap().settings.to_string();
            for decision in decisions.iter().filter(|decision| hour == 0 && decision.org_id.as_str() == org) {
                let command = Command::Decide(Box::new(decision.clone()));
                assert_eq!(partition.apply(&control(org, command), &mut Vec::new()).unwrap(), None);
            }
        }
        named
    };
    let named = [(0, ORG), (1, OTHER)].map(of_org);
    (named, refused(partition))
}

fn refused(partition: &mut Partition) -> Vec<(u128, String)> {
    partition.take_refused().into_iter().map(|(_, id, reason)| (id.as_u128(), reason)).collect()
}

#[test]
fn settings_that_cannot_be_taken_are_refused_and_stop_nothing() {
    let good = whole().stored().unwrap();
    let of_mars = good.replace("America/New_York", "Mars");
    let bad = [
        push(1, ORG, "a", "[detect]\nlevel = 3\n"),
        push(2, ORG, "b", &of_mars),
        push(3, ORG, "c", "[detect]\nraise_at = 99\n"),
        push(4, ORG, "d", "no TOML"),
    ];
    let mut partition = Partition::new(&whole());
    let (named, refused) = follow(&mut partition, 0, &bad);
    assert_eq!(named, ["", ""], "the settings of the service");
    assert_eq!(refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let start = |reason: &str| reason.split('(').next().unwrap_or_default().to_owned();
    assert_eq!(
        refused.iter().map(|(_, reason)| start(reason)).collect::<Vec<_>>(),
        [
            "its settings a cannot be read by this version; decide on settings of this version ",
            "its settings b are out of range; decide on others ",
            "its settings c are out of range; decide on others ",
            "its settings d cannot be read by this version; decide on settings of this version ",
        ]
    );
    assert!(refused.iter().all(|(_, reason)| !reason.contains('\n')) && refused[2].1.contains("detect.raise_at"));
    assert!(partition.take_effects().is_empty());

    let mut empty = Partition::new(&whole());
    empty.decide(&bad[0], None).unwrap();
    assert_eq!((empty.orgs().count(), empty.take_refused().len()), (0, 1), "nothing changes");
}

#[test]
fn too_many_decisions_make_room_and_stop_nothing() {
    let mut partition = Partition::new(&whole());
    let text = whole().stored().unwrap();
    for n in 0..65 {
        partition.decide(&push(n, ORG, &format!("hash {n}"), &text), None).unwrap();
    }
    let reason =
        "too many decisions wait for the org's next hour to close; decide once more when it has an hour that closes";
    assert_eq!(refused(&mut partition), [(0, reason.to_owned())]);
}

#[test]
fn settings_that_this_version_cannot_read_stop_no_restore() {
    let text = whole().stored().unwrap();
    let strict = decided().into_values().next().unwrap().stored().unwrap();
    let mut partition = Partition::new(&whole());
    let (named, _) = follow(&mut partition, 0, &[push(1, ORG, "ours", &text), push(2, OTHER, "others", &strict)]);
    assert_eq!(named, ["ours", "others"]);
    let mut table = Table::new();
    commit(&mut table, partition.take_changes().unwrap());
    let bytes = table.get_mut(&(OrgId::new(ORG), "decisions".to_owned())).unwrap();
    let key = bytes.windows(12).position(|bytes| bytes == b"memory_days ").unwrap();
    bytes[key] = b'x';
    let mut restored = Replica::restore(&table, 0).partition;
    let refused = refused(&mut restored);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].0 == 1 && refused[0].1.contains("xemory_days"), "{refused:?}");
    assert_eq!(
        follow(&mut restored, 1, &[]),
        (["".to_owned(), "others".to_owned()], vec![]),
        "those of the service hold"
    );
    restored.set_settings(&whole()).unwrap();
    assert_eq!(follow(&mut restored, 2, &[]).0, ["", "others"]);
}

#[test]
fn a_hash_of_other_settings_changes_no_other_org() {
    let (strict, mild) = (decided().into_values().next().unwrap(), whole());
    let [wrong, right] = [&mild, &strict].map(|settings| settings.stored().unwrap());
    let hash = strict.hash();
    let mut partition = Partition::new(&whole());
    // The first org gives a wrong text, and then the right one.
    let decisions = [push(1, ORG, &hash, &wrong), push(2, ORG, &hash, &right), push(3, OTHER, &hash, &right)];
    let (named, refused) = follow(&mut partition, 0, &decisions);
    assert_eq!(named, [hash.as_str(), hash.as_str()]);
    let reason =
        format!("other settings of the org have the hash {hash}; decide on these with the hash that they have");
    assert_eq!(refused, [(2, reason)]);
    let known = |org: &str| &partition.decided[&OrgId::new(org)][&hash];
    assert_eq!((known(ORG).hash(), known(OTHER).hash()), (read(&wrong).hash(), read(&right).hash()));
    // An org's id has 15 or 18 characters: other texts, the same settings.
    let spread = |org: &str| read(&format!("{right}\n[orgs.{org}]\nmerge_hours = 7\n")).stored().unwrap();
    let ids = [ORG, ORG.split_at(15).0];
    let decisions = [push(4, ORG, "h", &spread(ids[0])), push(5, ORG, "h", &spread(ids[1]))];
    assert_eq!(follow(&mut partition, 1, &decisions).1, []);
}

fn read(text: &str) -> Settings {
    Settings::read_stored(text, std::path::Path::new("test")).unwrap()
}
