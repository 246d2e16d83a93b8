use crate::org::testing::Fed;
use model::{Channel, Feature, Kind, Pages};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const LEARNED: i64 = 40;

struct Org(Fed);

impl Org {
    /// Returns an org of ten accounts, which open twelve records of three objects a day.
    fn new() -> Self {
        let mut org = Self(Fed::new());
        for (day, user, nth) in (0..LEARNED * 120).map(|n| (n / 120, n / 12 % 10, n % 12)) {
            org.page(day, &format!("user{user}"), ["Case", "Account", "Task"][nth as usize % 3], day * 12 + nth);
        }
        org
    }

    fn page(&mut self, day: i64, user: &str, object: &str, record: i64) -> Vec<Feature> {
        let mut activity = self.0.activity(day * DAY + 9 * 60 * MINUTE, user, Channel::Stream, Kind::LightningUri);
        activity.resource_id = Some(format!("003hn{record:013}").into());
        activity.objects.push(object.into());
        self.0.features(&activity)
    }

    /// Opens so many pages on two records of an object. Returns the last that is observed.
    fn look(&mut self, day: i64, user: &str, object: &str, pages: i64) -> Option<Pages> {
        let rare =
            (0..pages).flat_map(|nth| self.page(day, user, object, nth % 2)).filter_map(|feature| match feature {
                Feature::Pages(pages) if pages.rare => Some(pages),
                _ => None,
            });
        rare.last()
    }
}

/// As at a telephone company and at a hospital: staff who may open every record looked at those of celebrities.
#[test]
fn records_of_an_object_that_the_class_hardly_reads_stand_out() {
    let mut org = Org::new();
    let pages = org.look(LEARNED, "user0", "Background_Check__c", 20).unwrap();
    assert!(pages.pages >= 18 && pages.deviations > 7.0, "{pages:?}");
    assert_eq!(pages.objects, ["Background_Check__c"]);
    assert!(pages.usual < 0.1 && pages.days > 30.0, "{pages:?}");
}

#[test]
fn records_that_the_class_reads_and_a_few_new_ones_do_not() {
    let mut org = Org::new();
    assert_eq!(org.look(LEARNED, "user0", "Case", 60), None);
    assert_eq!(org.look(LEARNED, "user1", "Background_Check__c", 4), None);
}

#[test]
fn a_first_day_does_not_excuse_the_next() {
    let mut org = Org::new();
    org.look(LEARNED, "user0", "Background_Check__c", 4);
    let pages = org.look(LEARNED + 1, "user0", "Background_Check__c", 40).unwrap();
    assert!(pages.pages >= 36 && pages.deviations > 5.0, "{pages:?}");
}

#[test]
fn late_pages_count_on_their_day() {
    let mut org = Org::new();
    assert_eq!(org.look(LEARNED, "user0", "Background_Check__c", 4), None);
    org.page(LEARNED + 2, "user0", "Case", 9_000);
    let pages = org.look(LEARNED, "user0", "Background_Check__c", 46).unwrap();
    assert!(pages.pages >= 45, "{pages:?}");
}

#[test]
fn a_page_that_is_logged_twice_counts_once() {
    let mut org = Org::new();
    let pages: Vec<_> = (0..30).flat_map(|_| org.page(LEARNED, "user0", "Background_Check__c", 1)).collect();
    assert!(!pages.iter().any(|feature| matches!(feature, Feature::Pages(pages) if pages.rare)), "{pages:?}");
}

#[test]
fn what_several_of_the_class_take_up_is_no_longer_rare() {
    let mut org = Org::new();
    for (day, user) in (0..20).flat_map(|day| (1..6).map(move |user| (LEARNED + day, user))) {
        org.look(day, &format!("user{user}"), "Survey__c", 8);
    }
    assert_eq!(org.look(LEARNED + 21, "user0", "Survey__c", 20), None);
}

#[test]
fn what_several_open_first_today_was_rolled_out() {
    let mut org = Org::new();
    let looks: Vec<_> = (0..5).map(|user| org.look(LEARNED, &format!("user{user}"), "Survey__c", 8)).collect();
    assert!(looks.iter().take(3).all(Option::is_some), "{looks:?}");
    assert_eq!(looks.get(3..), Some(&[None, None][..]));
}

#[test]
fn nothing_is_rare_in_a_new_org() {
    let mut org = Org(Fed::new());
    for day in 0..8 {
        org.look(day, "user0", "Case", 6);
    }
    assert_eq!(org.look(8, "user0", "Background_Check__c", 30), None);
}
