//! Pages: who sees what, forms that decide, and texts from outside.

use crate::support::{Answer, Console, INCIDENT, OTHER, OTHER_INCIDENT, OURS, incident};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use model::{Activity, Channel, Evidence, Incident, Kind, OrgId, Timestamp, UserId, Uuid};
use secrecy::{ExposeSecret, SecretString};
use store::Role;

const EMMA: &str = "005hn00000emma1AAA";

/// Sends a form as a page of the console does.
async fn submit(console: &Console, token: &SecretString, path: &str, form: &str) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("cookie", format!("__Host-orgwatch={}", token.expose_secret()))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()));
    console.answer(request.unwrap()).await
}

/// An incident of an account with this id and an activity in which every text is this one.
fn incident_of(user: &str, id: u128, text: &str) -> Incident {
    let (org, user) = (OrgId::new(OURS), UserId::new(user));
    let at = Timestamp(1_772_461_912_867);
    let activity = Activity {
        objects: [text.into()].into_iter().collect(),
        resource_name: Some(text.into()),
        user_agent: Some(text.into()),
        rows: Some(1_250),
        ..Activity::new(Uuid::from_u128(id), org.clone(), user.clone(), at, Channel::Stream, Kind::Report)
    };
    let mut whole = incident(&(org, user), id);
    whole.username = Some(text.into());
    for finding in &mut whole.findings {
        (finding.username, finding.summary) = (Some(text.into()), text.to_owned());
        (finding.objects, finding.evidence) = (vec![text.into()], vec![Evidence::of(&activity)]);
    }
    whole
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

#[tokio::test]
async fn who_is_not_signed_in_comes_back_after_the_sign_in() {
    let console = Console::start().await;
    let unsigned = |path: &str, part: Option<&str>| {
        let request = Request::builder().uri(path).header("hx-request", part.unwrap_or_default());
        let mut request = request.body(Body::empty()).unwrap();
        if part.is_none() {
            request.headers_mut().remove("hx-request");
        }
        request
    };
    let answer = console.answer(unsigned("/?severity=high", None)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/sign-in?return_to=%2F%3Fseverity%3Dhigh");
    // A part of a page cannot follow that; the whole page does.
    let answer = console.answer(unsigned("/leaders", Some("true"))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers["hx-redirect"], "/sign-in?return_to=%2Fleaders");
    let answer = console.answer(unsigned("/sign-in?return_to=https://evil.example", None)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.text.contains("evil.example"), "{}", answer.text);
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_token_signs_in_on_the_page_alone() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let form = format!("token={}&return_to=%2Fleaders", token.expose_secret());
    let answer = submit(&console, &token, "/sign-in", &form).await;
    assert_eq!((answer.status, location(&answer)), (StatusCode::SEE_OTHER, "/leaders"));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let answer = submit(&console, &token, "/sign-in", "token=orgwatch_of_nobody").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text.contains("No such token is in force"), "{}", answer.text);
    let other_site = Request::builder().method("POST").uri("/sign-in").header("sec-fetch-site", "cross-site");
    let answer = console.answer(other_site.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn pages_show_the_orgs_of_the_session_alone() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let check = async |path: &str, status: StatusCode, expect: &str| {
        let answer = console.get(&token, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{path}");
        assert!(answer.text.contains(expect), "{path}: {expect}: {}", answer.text);
        assert!(!answer.text.contains(" style="), "{path}: the policy of pages forbids inline styles");
        answer.text
    };
    let queue = check("/", StatusCode::OK, "<h1>Incidents</h1>").await;
    assert!(queue.contains(&INCIDENT.to_string()) && !queue.contains(&OTHER_INCIDENT.to_string()));
    check(&format!("/incidents/{INCIDENT}"), StatusCode::OK, "How the score came about").await;
    check(&format!("/incidents/{OTHER_INCIDENT}"), StatusCode::NOT_FOUND, "does not exist").await;
    check(&format!("/compare?a={INCIDENT}&b={INCIDENT}"), StatusCode::OK, "side by side").await;
    check(&format!("/compare?a={INCIDENT}&b={OTHER_INCIDENT}"), StatusCode::NOT_FOUND, "does not exist").await;
    check(&format!("/accounts/{OURS}/{EMMA}"), StatusCode::OK, "Days held back").await;
    check(&format!("/accounts/{OURS}/{EMMA}?day=2026-03-02"), StatusCode::OK, "The day before").await;
    check(&format!("/accounts/{OTHER}/{EMMA}"), StatusCode::NOT_FOUND, "not one of this session").await;
    check("/leaders", StatusCode::OK, "<h1>Leader board</h1>").await;
    for by in ["class", "object", "org"] {
        check(&format!("/leaders?by={by}"), StatusCode::OK, "the highest risk first").await;
    }
    // The clock is at 2026-03-02.
    let objects = check("/leaders?by=object", StatusCode::OK, "Incidents of the 90 days").await;
    assert!(objects.contains("since=2025-12-02T") && objects.contains(">Contact<"), "{objects}");
    check(&format!("/leaders?org={OTHER}"), StatusCode::NOT_FOUND, "not one of this session").await;
    check("/first-times", StatusCode::OK, "First-time report exports").await;
    check("/?severity=worst", StatusCode::BAD_REQUEST, "severity: one of").await;
    let absent = check("/nothing", StatusCode::NOT_FOUND, "nothing at this path").await;
    assert!(absent.contains(r#"<nav aria-label="Pages">"#), "an error page leads on: {absent}");
}

#[tokio::test]
async fn texts_from_outside_stay_texts() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let text = "<script>alert(1)</script>\" onload=\"alert(2)";
    let evil = incident_of("005hn00000evil1AAA", 0x700, text);
    let path = format!("/incidents/{}", evil.incident_id);
    console.open(evil).await;
    for path in ["/", &path, &format!("/accounts/{OURS}/005hn00000evil1AAA"), "/leaders?by=object"] {
        let answer = console.get(&token, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert!(answer.text.contains("&#60;script&#62;"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>alert") && !answer.text.contains("\" onload="), "{path}");
    }
    // Each place of the incident's page that has a text of an activity.
    let page = console.get(&token, &path).await.text;
    assert!(page.matches("&#60;script&#62;").count() >= 8, "{page}");
}

#[tokio::test]
async fn pseudonyms_stand_in_place_of_names_until_there_is_a_reason() {
    let console = Console::start().await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    for path in ["/", &format!("/incidents/{INCIDENT}"), &format!("/accounts/{OURS}/{EMMA}"), "/leaders"] {
        let answer = console.get(&viewer, path).await;
        assert!(answer.text.contains("account-"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("emma.martin"), "{path}: {}", answer.text);
    }
    let answer = console.get(&viewer, &format!("/incidents/{INCIDENT}")).await;
    assert!(!answer.text.contains("Acknowledge <kbd>"), "a viewer has nothing to decide");
    let reveal = format!("/accounts/{OURS}/{EMMA}/reveal");
    let answer = submit(&console, &viewer, &reveal, "reason=").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = submit(&console, &viewer, &reveal, "reason=case+7").await;
    assert!(answer.text.contains("The audit trail says that you have seen this"), "{}", answer.text);
}

#[tokio::test]
async fn a_decision_is_previewed_recorded_and_taken_back_by_forms() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Responder)]).await;
    let page = console.get(&token, &format!("/decide?incident={INCIDENT}&disposition=benign&return_to=%2F")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("<h1 id=\"decision-title\" tabindex=\"-1\">Call it benign</h1>"), "{}", page.text);
    assert!(page.text.contains("On the last 30 days"), "{}", page.text);
    let hidden = |name: &str| {
        let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().replace("&#34;", "%22")
    };
    let (key, hidden_tag) = (hidden("key"), hidden("tag"));
    let form = format!(
        "incident={INCIDENT}&disposition=benign&teach=on&key={key}&tag={hidden_tag}&reason=month+end&return_to=%2F%3Fq%3Demma"
    );
    // Nobody decides without a reason.
    let refused = submit(&console, &token, "/decide", &form.replace("month+end", "")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    // Nor on another version than the page has shown, also if what is sent along cannot be one.
    for (tag, status) in [("%221-1%22", StatusCode::PRECONDITION_FAILED), ("a%0Ab", StatusCode::BAD_REQUEST)] {
        let other = form.replace(&format!("tag={hidden_tag}"), &format!("tag={tag}"));
        let stale = submit(&console, &token, "/decide", &other).await;
        assert_eq!(stale.status, status, "{}", stale.text);
    }
    let answer = submit(&console, &token, "/decide", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let back = location(&answer);
    assert_eq!(back, "/?q=emma");
    let kept = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    // Sent twice, it is recorded once.
    let again = submit(&console, &token, "/decide", &form).await;
    assert_eq!(location(&again), back);
    let decisions = format!("/v1/decisions?org={OURS}&incident={INCIDENT}");
    let listed = console.get(&token, &decisions).await.json();
    assert_eq!(listed["items"][0]["reason"], "month end");
    let banner = console.send_with(&token, "GET", back, None, &[("cookie", &kept)]).await;
    assert!(banner.text.contains("Take it back"), "{}", banner.text);
    let decision = listed["items"][0]["decision_id"].as_str().unwrap();
    // A link cannot make a page say that something was decided.
    let link = console.get(&token, &format!("/?decided={decision}")).await;
    assert!(!link.text.contains("Take it back"), "{}", link.text);
    for _ in 0..2 {
        let answer = submit(&console, &token, "/decide/undo", &format!("decision={decision}&return_to=%2F")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    }
    let listed = console.get(&token, &decisions).await.json();
    assert_eq!(listed["items"][0]["standing"], "undone", "{listed}");
    // From elsewhere no form decides.
    let other_site = Request::builder()
        .method("POST")
        .uri("/decide")
        .header("cookie", format!("__Host-orgwatch={}", token.expose_secret()))
        .header("sec-fetch-site", "cross-site");
    let answer = console.answer(other_site.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_incident_is_copied_as_text_and_csv() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let copied = incident_of("005hn00000copy1AAA", 0x701, "=Pipeline, \"EMEA\" | all");
    let path = format!("/incidents/{}", copied.incident_id);
    console.open(copied).await;
    let text = console.get(&token, &format!("{path}/text.md")).await;
    assert_eq!(text.headers["content-type"], "text/markdown; charset=utf-8");
    insta::assert_snapshot!(text.text);
    let csv = console.get(&token, &format!("{path}/activities.csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    insta::assert_snapshot!(csv.text);
}

#[tokio::test]
async fn files_of_pages_are_kept_by_browsers_under_their_version_alone() {
    let console = Console::start().await;
    let page = console.answer(Request::builder().uri("/sign-in").body(Body::empty()).unwrap()).await;
    let (_, rest) = page.text.split_once("href=\"/assets/").unwrap();
    let icon = format!("/assets/{}", rest.split('"').next().unwrap());
    let get = async |path: &str| console.answer(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
    let answer = get(&icon).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    let old = get("/assets/0/console.js").await;
    assert_eq!((old.status, old.headers["cache-control"].as_bytes()), (StatusCode::OK, &b"no-store"[..]));
    assert_eq!(get("/assets/0/secret").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_written_survives_the_end_of_a_session() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let form = format!("kind=comment&incident={INCIDENT}&reason=long+%3Cthought%3E&return_to=%2F&key=a");
    let answer = submit(&console, &SecretString::from("orgwatch_of_nobody"), "/decide", &form).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    for part in ["in another tab", ">long &#60;thought&#62;</textarea>", r#"action="/decide/preview""#] {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    assert!(!answer.text.contains(r#"<nav aria-label="Pages">"#), "nobody is signed in");
    // After the sign-in the same form shows the decision, and what was written.
    let again = submit(&console, &token, "/decide/preview", &form).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert!(
        again.text.contains(">long &#60;thought&#62;</textarea>") && again.text.contains("<h1 id=\"decision-title\"")
    );
    // Another site cannot make a page of ours say something.
    let other_site = Request::builder().method("POST").uri("/decide").header("sec-fetch-site", "cross-site");
    let answer = console.answer(other_site.body(Body::from(form)).unwrap()).await;
    assert!(answer.status == StatusCode::SEE_OTHER && !answer.text.contains("thought"), "{}", answer.text);
}

#[tokio::test]
async fn what_was_chosen_survives_a_decision_that_was_not_taken() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    // Learning was switched off on the page, and somebody else was faster.
    let form = format!(
        "disposition=benign&incident={INCIDENT}&precision=on&asked=yes&reason=asked+her&key=k1&tag=%22old%22&return_to=%2F"
    );
    let refused = submit(&console, &token, "/decide", &form).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{}", refused.text);
    let kept = |name: &str, value: &str| format!(r#"<input type="hidden" name="{name}" value="{value}">"#);
    assert!(refused.text.contains(&kept("asked", "yes")) && refused.text.contains(&kept("precision", "on")));
    assert!(!refused.text.contains(r#"name="teach""#) && !refused.text.contains("old"), "{}", refused.text);
    let again = submit(&console, &token, "/decide/preview", &form).await;
    let is_checked = |effect: &str| again.text.contains(&format!(r#"name="{effect}" checked"#));
    assert_eq!(["teach", "precision", "suppress"].map(is_checked), [false, true, false], "{}", again.text);
    assert!(again.text.contains(">asked her</textarea>") && again.text.contains(&kept("asked", "yes")));
    let first = console.get(&token, &format!("/decide?disposition=benign&incident={INCIDENT}")).await;
    assert!(first.text.contains(r#"name="teach" checked"#), "{}", first.text);
    let snooze = format!("kind=snoozed&incident={INCIDENT}&hours=72&reason=later");
    let again = submit(&console, &token, "/decide/preview", &snooze).await;
    assert!(again.text.contains(r#"<option value="72" selected>"#), "{}", again.text);
}

#[tokio::test]
async fn an_incident_has_neighbors_on_every_page_of_its_list() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    for id in [0x701, 0x702] {
        console.open(incident_of(&format!("005hn0000000{id}AAA"), id, "Account")).await;
    }
    let list = console.get(&token, "/v1/incidents?status=open,acknowledged,resolved,withdrawn&limit=1").await;
    let (first, cursor) = (list.ids().remove(0), list.json()["next_cursor"].as_str().unwrap().to_owned());
    let list = format!("status=open,acknowledged,resolved,withdrawn&cursor={cursor}");
    let after = console.get(&token, &format!("/v1/incidents?{list}")).await.ids();
    let encoded: String = form_urlencoded::byte_serialize(list.as_bytes()).collect();
    let page = console.get(&token, &format!("/incidents/{}?list={encoded}", after[0])).await;
    assert!(page.text.contains(&format!(r#"href="/incidents/{}?list="#, after[1])), "{}", page.text);
    assert!(!page.text.contains(&format!(r#"href="/incidents/{first}?list="#)), "it is on the page before");
    assert!(!page.text.contains("1 of"), "nobody has counted what stands before");
}

#[tokio::test]
async fn a_view_is_kept_by_a_person_and_forgotten() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let other = console.token(&[(OURS, Role::Viewer)]).await;
    let kept = r#"<a href="/?severity=critical" aria-current="true"><bdi>worst &#60;of all&#62;</bdi></a>"#;
    let form = "name=+worst+%3Cof+all%3E&query=severity%3Dcritical%26cursor%3Dx";
    let answer = submit(&console, &token, "/views", form).await;
    assert_eq!((answer.status, location(&answer)), (StatusCode::SEE_OTHER, "/?severity=critical"));
    let page = console.get(&token, "/?severity=critical").await;
    assert!(page.text.contains(kept) && !page.text.contains("Keep this view"), "{}", page.text);
    assert!(console.get(&token, "/").await.text.contains("<bdi>worst &#60;of all&#62;</bdi>"));
    assert_eq!(console.get(&token, "/v1/views").await.json()[0]["query"], "severity=critical");
    for (form, status) in [
        ("name=+&query=severity%3Dhigh", StatusCode::UNPROCESSABLE_ENTITY),
        ("name=a&query=severity%3Dworst", StatusCode::BAD_REQUEST),
        (&format!("name={}&query=severity%3Dhigh", "a".repeat(81)), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(submit(&console, &token, "/views", form).await.status, status, "{form}");
    }
    let forget = "name=worst+%3Cof+all%3E&query=severity%3Dcritical";
    assert_eq!(submit(&console, &token, "/views/forget", forget).await.status, StatusCode::SEE_OTHER);
    assert!(!console.get(&token, "/").await.text.contains("worst"));
    assert_eq!(submit(&console, &token, "/views/forget", forget).await.status, StatusCode::NOT_FOUND);
    // As many as a page shows with profit, and one in place of another of its name.
    for number in 0..50 {
        let answer = submit(&console, &token, "/views", &format!("name={number}&query=severity%3Dhigh")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{number}: {}", answer.text);
    }
    let beyond = submit(&console, &token, "/views", "name=50&query=severity%3Dhigh").await;
    assert_eq!(beyond.status, StatusCode::CONFLICT, "{}", beyond.text);
    assert_eq!(submit(&console, &token, "/views", "name=7&query=severity%3Dlow").await.status, StatusCode::SEE_OTHER);
    let views = console.get(&token, "/v1/views").await.json();
    assert_eq!((views.as_array().unwrap().len(), &views[47]["query"]), (50, &"severity=low".into()), "{views}");
    assert_eq!(console.get(&other, "/v1/views").await.text, "[]", "nobody sees those of others");
}
