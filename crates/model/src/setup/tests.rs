use super::*;
use crate::{Attribute, Channel, OrgId, Timestamp, UserId, Uuid};

fn change(code: &str, sentence: &str, section: &str) -> Activity {
    let (org, user) = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new("005hn00000EmmaMAAR"));
    let mut activity = Activity::new(Uuid::nil(), org, user, Timestamp(0), Channel::Setup, Kind::SetupChange);
    activity.username = Some("emma@example.test".into());
    activity.operation = (!code.is_empty()).then(|| code.into());
    activity.resource_name = (!sentence.is_empty()).then(|| sentence.into());
    activity.attributes.push(Attribute { name: "Section".into(), value: section.into() });
    activity
}

/// Checks the case by code and sentence, and by the sentence alone, as the download has it.
fn check(code: &str, sentence: &str, section: &str, expect: Option<SetupCase>) {
    assert_eq!(SetupCase::of(&change(code, sentence, section)), expect, "{code}: {sentence}");
    assert_eq!(SetupCase::of(&change("", sentence, section)), expect, "{sentence}");
}

#[test]
fn rights_are_given() {
    let of_users = |code: &str, sentence: &str, expect| check(code, sentence, "Manage Users", expect);
    let (rights, broad) = (Some(SetupCase::Rights), Some(SetupCase::BroadRights));
    let to = "assigned to user Lee Roe (UserID: [005hn00000LeeRoe])";
    of_users("PermSetAssign", &format!("Permission set Sales Reports: {to}"), rights);
    of_users("PermSetAssign", &format!("Permission set View All Data: {to}"), broad);
    of_users("PermSetUnassign", "Permission set View All Data: unassigned from user Lee Roe", None);
    of_users("changedprofileforuser", "Changed profile for user Lee Roe from Sales to Support", rights);
    of_users(
        "changedprofileforusercusttostd",
        "Changed profile for user Lee Roe from Sales to System Administrator",
        broad,
    );
    of_users("changedprofileforuser", "Changed profile for user Lee Roe from System Administrator to Sales", rights);
    of_users("", "Changed profile x for user y from a to b", rights);
    of_users("PermSetEnableUserPerm", "Changed permission set Tools: Modify All Data was enabled", broad);
    of_users("PermSetEnableUserPerm", "Changed permission set Tools: Run Reports was enabled", None);
    of_users("PermSetDisableUserPerm", "Changed permission set Tools: Modify All Data was disabled", None);
    of_users("createduser", "Created new user Lee Roe", None);
}

#[test]
fn rights_of_the_actor_are_its_own() {
    let own = Some(SetupCase::OwnRights);
    check(
        "PermSetAssign",
        "Permission set Sales: assigned to user Emma (UserID: [005hn00000EmmaM])",
        "Manage Users",
        own,
    );
    check("changedprofileforuser", "Changed profile for user emma@example.test from a to b", "Manage Users", own);
}

#[test]
fn events_of_permissions_count_if_the_rights_are_broad() {
    let event = |operation: &str, permissions: &str, users: &str| {
        let mut activity = change(operation, "", "");
        activity.kind = Kind::PermissionSet;
        let attribute = |name: &str, value: &str| Attribute { name: name.into(), value: value.into() };
        activity.attributes = vec![attribute("PermissionList", permissions), attribute("ImpactedUserIds", users)];
        SetupCase::of(&activity)
    };
    let all = r#"["ModifyAllData","ViewAllData"]"#;
    assert_eq!(event("AssignedToUsers", all, r#"["005hn00000LeeRoeAAA"]"#), Some(SetupCase::BroadRights));
    assert_eq!(event("AssignedToUsers", all, r#"["005hn00000EmmaMAAR"]"#), Some(SetupCase::OwnRights));
    assert_eq!(event("UnassignedFromUsers", all, "[]"), None);
    assert_eq!(event("AssignedToUsers", r#"["ExportReport"]"#, "[]"), None);
    assert_eq!(event("AssignedToUsers", r#"["RunReports"]"#, r#"["005hn00000EmmaMAAR"]"#), None);
}

#[test]
fn apps_are_added_and_their_rules_loosened() {
    let of_apps = |code: &str, sentence: &str, expect| check(code, sentence, "Connected Apps", expect);
    let (added, rules) = (Some(SetupCase::App), Some(SetupCase::AppRules));
    of_apps("insertConnectedApplication", "Installed Connected App Night Loader to Acme", added);
    of_apps("insertApplication", "Created Connected App Night Loader", added);
    of_apps("unblockConnectedApplication", "Unblocked Connected App Night Loader to Acme", added);
    of_apps("addOauthClientCredentialUser", "Assigned OAuth client credentials user lee@example.test to app X", added);
    of_apps("deleteConnectedApplication", "Uninstalled Connected App Night Loader", None);
    of_apps(
        "changeIpRelaxationPolicy",
        "Changed connected app X IP relaxation setting from Enforce IP restrictions to Relax IP restrictions",
        rules,
    );
    of_apps(
        "changeIpRelaxationPolicy",
        "Changed connected app X IP relaxation setting from Relax IP restrictions to Enforce IP restrictions",
        None,
    );
    of_apps("changeOauthDefaultScope", "Changed connected app X scopes from api to full, refresh_token", rules);
    of_apps(
        "changeUserRuntimeAccessPolicy",
        "Changed connected app X Permitted Users setting from All users may self-authorize to Admin approved users are pre-authorized",
        None,
    );
    let name = |sentence: &str| connected_app(&change("", sentence, "")).map(str::to_owned);
    assert_eq!(name("Installed Connected App Night Loader to Acme").as_deref(), Some("Night Loader"));
    assert_eq!(name("Created Connected App Night Loader").as_deref(), Some("Night Loader"));
    assert_eq!(name("Changed session settings"), None);
}

#[test]
fn controls_are_loosened() {
    let some = |case| Some(case);
    let policy = |sentence: &str, expect| {
        check("transactionSecurityPolicyEnabledDisabled", sentence, "Transaction Security", expect)
    };
    policy("Emma Roe disabled transaction security policy \"Block Exports\".", some(SetupCase::Policies));
    policy("Emma Roe enabled transaction security policy \"Block Exports\".", None);
    check(
        "transactionSecurityPolicyCreatedDisabled",
        "Emma Roe created a disabled transaction security policy \"X\".",
        "",
        None,
    );
    assert_eq!(SetupCase::of(&change("transactionSecurityPolicyDeleted", "", "")), some(SetupCase::Policies));

    check(
        "deleteTwoFactorInfo2",
        "Removed multi-factor authentication for user Lee Roe",
        "Manage Users",
        some(SetupCase::SecondFactor),
    );
    check(
        "mFADirectUILoginOptInOnOff",
        "Changed MFA for direct logins from on to off",
        "Identity",
        some(SetupCase::SecondFactor),
    );
    check("mFADirectUILoginOptInOffOn", "Changed MFA for direct logins from off to on", "Identity", None);
    let action = |code: &str| {
        let sentence = format!("Organization setup action: {code} has changed.");
        assert_eq!(SetupCase::of(&change("", &sentence, "")), SetupCase::of(&change(code, &sentence, "")));
        SetupCase::of(&change(code, &sentence, ""))
    };
    assert_eq!(action("mFADirectUILoginOptInOnOff"), some(SetupCase::SecondFactor));
    assert_eq!(action("mFADirectUILoginOptInOffOn"), None);
    assert_eq!(action("eventLogGenerationEnabledOnOff"), some(SetupCase::Monitoring));
    assert_eq!(action("eventLogGenerationEnabledOffOn"), None);

    let network = |code: &str, sentence: &str, expect| check(code, sentence, "Security Controls", expect);
    network("insertIpWhiteList", "Added Ip AllowList from 0.0.0.0 to 255.255.255.255", some(SetupCase::Networks));
    network("deleteIpWhiteList", "Deleted Ip AllowList from 198.51.100.1 to 198.51.100.9", None);
    network("loginIpRange", "Deleted Login IP range from profile Sales", some(SetupCase::Networks));

    let session = |sentence: &str, expect| check("sessionTimeout", sentence, "Session Settings", expect);
    session("Changed session timeout from 2 hours to 12 hours", some(SetupCase::Sessions));
    session("Changed session timeout from 2 hours to 30 minutes", None);
    session("Changed Lock sessions to the IP address from on to off", some(SetupCase::Sessions));
    session("Changed Lock sessions to the IP address from off to on", None);

    let password = |code: &str, sentence: &str, expect| check(code, sentence, "Password Policies", expect);
    password(
        "passwordminlength",
        "Changed password minimum length policy from 8 characters to 7 characters",
        some(SetupCase::Passwords),
    );
    password("passwordminlength", "Changed password minimum length policy from 8 characters to 12 characters", None);
    password("passwordmaxinvalid", "Changed password maximum invalid attempts policy from 10 to 5", None);
    password(
        "passwordmaxinvalid",
        "Changed password maximum invalid attempts policy from 5 to 10",
        some(SetupCase::Passwords),
    );
    password(
        "passwordquestion",
        "Changed password question policy from Cannot contain password to None",
        some(SetupCase::Passwords),
    );

    check("loginHours", "Changed login hours of profile Sales", "Manage Users", some(SetupCase::LoginHours));
    check(
        "defaultCustomEntityExtAccess",
        "Changed default external access for Lead from Private to Public Read Only",
        "Sharing Defaults",
        some(SetupCase::Sharing),
    );
    check(
        "defaultCustomEntityExtAccess",
        "Changed default external access for Lead from Public Read Only to Private",
        "Sharing Defaults",
        None,
    );
    check("createdCF", "Created custom field: Color (Picklist)", "Customize Accounts", None);
    check("changedApexClass", "Changed Apex class Loader", "Apex Class", None);
}

/// Names that have words in them which Salesforce uses as verbs and for settings.
const NAMES: [&str; 16] = [
    "Revoked Accounts",
    "created",
    "Removed",
    "Disabled Access",
    "Enabled",
    "Unassigned",
    "is disabled",
    "was removed",
    "Turned off",
    "removed from user",
    "Login hours",
    "Network Access",
    "MFA",
    "Transaction Security Policy",
    "Certificate",
    "Session Policy",
];

#[test]
fn no_name_changes_the_case() {
    let changes = [
        ("PermSetAssign", "Permission set {}: assigned to user Lee Roe (UserID: [005hn00000LeeRoe])"),
        ("PermSetAssign", "Permission set Tools: assigned to user {} (UserID: [005hn00000LeeRoe])"),
        ("PermSetGroupAssign", "Permission set group {}: assigned to user Lee Roe (UserID: [005hn00000LeeRoe])"),
        ("PermSetUnassign", "Permission set {}: unassigned from user Lee Roe (UserID: [005hn00000LeeRoe])"),
        ("PermSetUnassign", "Permission set Tools: unassigned from user {} (UserID: [005hn00000LeeRoe])"),
        ("PermSetCreateNoLicense", "Created permission set {}: with no license"),
        (
            "PermSetEnableUserPerm",
            "Changed permission set {}: View All Data permission was changed from disabled to enabled",
        ),
        (
            "PermSetDisableUserPerm",
            "Changed permission set {}: View All Data permission was changed from enabled to disabled",
        ),
        (
            "profilePermChangedCustom",
            "Changed profile {}: general user permission Modify All Data was changed from disabled to enabled",
        ),
        (
            "profilePermChangedCustom",
            "Changed profile {}: general user permission Modify All Data was changed from enabled to disabled",
        ),
        ("changedprofileforuser", "Changed profile for user {} from Sales to Support"),
        ("changedprofileforuser", "Changed profile for user Lee Roe from {} to Support"),
        ("changedprofileforuser", "Changed profile for user Lee Roe from Sales to {}"),
        ("insertConnectedApplication", "Installed Connected App {} to Acme"),
        ("insertApplication", "Created Connected App {}"),
        ("deleteApplication", "Deleted Connected App {}"),
        ("changeOauthDefaultScope", "Changed connected app {} scopes from api to full, refresh_token"),
        (
            "changeIpRelaxationPolicy",
            "Changed connected app {} IP relaxation setting from Enforce IP restrictions to Relax IP restrictions",
        ),
        ("transactionSecurityPolicyEnabledDisabled", "{} disabled transaction security policy \"Block Exports\"."),
        ("transactionSecurityPolicyEnabledDisabled", "{} enabled transaction security policy \"Block Exports\"."),
        ("transactionSecurityPolicyEnabledDisabled", "Lee Roe disabled transaction security policy \"{}\"."),
        ("transactionSecurityPolicyEnabledDisabled", "Lee Roe enabled transaction security policy \"{}\"."),
        ("transactionSecurityPolicyCreatedDisabled", "{} created a disabled transaction security policy \"{}\"."),
        ("deleteTwoFactorInfo2", "Removed multi-factor authentication for user {}"),
        ("loginIpRange", "Added Login Ip Range to {} from 198.51.100.1 to 198.51.100.9"),
        ("loginIpRange", "Deleted Login IP range from profile {}"),
        ("loginHours", "Changed login hours of profile {}"),
        (
            "passwordhistoryForProfile",
            "Changed profile {}: Changed password history policy from 10 passwords remembered to 1 password remembered",
        ),
        (
            "passwordhistoryForProfile",
            "Changed profile {}: Changed password history policy from 1 password remembered to 10 passwords remembered",
        ),
        (
            "minimumPasswordLifetimeDisableForProfile",
            "Changed profile {}: Disabled requiring minimum password lifetime",
        ),
        ("minimumPasswordLifetimeEnableForProfile", "Changed profile {}: Enabled requiring minimum password lifetime"),
        ("createdCF", "Created custom field: {} (Checkbox)"),
        ("createdrole", "Created new role {}"),
        ("createduser", "Created new user {}"),
        (
            "SetupEntityAccessAudit_PermissionSet_ApexClass_Enabled",
            "Changed permission set {}: ModifyAllData Apex class access was enabled",
        ),
    ];
    for (code, sentence) in changes {
        let section = if code.to_lowercase().contains("password") { "Password Policies" } else { "" };
        for code in [code, ""] {
            let case = |name| SetupCase::of(&change(code, &sentence.replace("{}", name), section));
            for name in NAMES {
                assert_eq!(case(name), case("Blue"), "{code}: {}", sentence.replace("{}", name));
            }
        }
    }
}

#[test]
fn sentences_are_those_of_salesforce() {
    let users = |code: &str, sentence: &str, expect| check(code, sentence, "Manage Users", expect);
    let (rights, broad) = (Some(SetupCase::Rights), Some(SetupCase::BroadRights));
    users(
        "PermSetEnableUserPerm",
        "Changed permission set Blue: View All Data permission was changed from disabled to enabled",
        broad,
    );
    users(
        "PermSetDisableUserPerm",
        "Changed permission set Blue: View All Data permission was changed from enabled to disabled",
        None,
    );
    users(
        "profilePermChangedCustom",
        "Changed profile Blue: general user permission Modify All Data was changed from disabled to enabled",
        broad,
    );
    users(
        "PermSetAssign_HasExpiration",
        "Permission set Blue with expiration: assigned to user Lee Roe (UserID: [005hn00000LeeRoe]), expiring on Sat May 20 06:59:59 GMT 2026",
        rights,
    );
    users("PermSetLicenseUnassign", "Permission set license Blue removed from user Lee Roe", None);
    users("PermSetGroupAssign", "Permission set group Administrators: assigned to user Lee Roe", broad);
    users(
        "PermSetEnableUserPerm",
        "Changed permission set Admin Tools: Run Reports permission was changed from disabled to enabled",
        None,
    );
    users("PermSetAssign", "Permission set emma@example.test tools: assigned to user Lee Roe", rights);
    users("PermSetAssign", "Permission set Blue: assigned to user joemma@example.test", rights);
    check("removeOauthClientCredentialUser", "Removed OAuth client credentials user lee@example.test", "", None);
}
