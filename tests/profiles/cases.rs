//! The shapes: those of bug reports and of people's own files (`people_14` to `people_20`), and what the
//! AWS CLI's documentation shows.

/// One shape of the files.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) config: &'static str,
    pub(super) credentials: &'static str,
    pub(super) profile: Option<&'static str>,
    pub(super) environment: &'static [(&'static str, &'static str)],
}

/// With no file, nothing in the environment, and the default profile.
const PLAIN: Case = Case { name: "", config: "", credentials: "", profile: None, environment: &[] };

const fn config(name: &'static str, config: &'static str) -> Case {
    Case { name, config, ..PLAIN }
}

const fn of(name: &'static str, config: &'static str, profile: &'static str) -> Case {
    Case { name, config, profile: Some(profile), ..PLAIN }
}

/// Keys that are written down.
pub(super) const KEYS: &str = "aws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
const IN_ENVIRONMENT: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "s")];

/// All of them.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn cases() -> Vec<Case> {
    let base = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
    let leak = |text: String| -> &'static str { text.leak() };
    let role = |more: &str| {
        leak(format!(
            "{base}[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = base\n{more}"
        ))
    };
    let default = |text: &str| leak(format!("[default]\n{text}"));
    let process = "credential_process = /bin/echo '{\"Version\":1,\"AccessKeyId\":\"AKIAPROC\",\"SecretAccessKey\":\"s\"}'";
    vec![
        config("nothing at all", ""),
        Case { name: "environment", environment: IN_ENVIRONMENT, ..PLAIN },
        Case {
            name: "environment before a default",
            config: default(KEYS),
            environment: IN_ENVIRONMENT,
            ..PLAIN
        },
        Case {
            name: "a named profile before the environment",
            config: base,
            profile: Some("base"),
            environment: IN_ENVIRONMENT,
            ..PLAIN
        },
        config("keys in config", default(KEYS)),
        Case { name: "keys in credentials", credentials: default(KEYS), ..PLAIN },
        Case {
            name: "credentials before config",
            config: default(KEYS),
            credentials: "[default]\naws_access_key_id = AKIACRED\naws_secret_access_key = s\n",
            ..PLAIN
        },
        Case {
            name: "named in credentials alone",
            credentials: base_as_credentials(),
            profile: Some("base"),
            ..PLAIN
        },
        Case {
            name: "profile word in credentials",
            credentials: leak(format!("[profile base]\n{KEYS}")),
            profile: Some("base"),
            ..PLAIN
        },
        Case {
            name: "AWS_PROFILE",
            config: base,
            environment: &[("AWS_PROFILE", "base")],
            ..PLAIN
        },
        Case {
            name: "AWS_DEFAULT_PROFILE",
            config: base,
            environment: &[("AWS_DEFAULT_PROFILE", "base")],
            ..PLAIN
        },
        Case {
            name: "AWS_PROFILE of nobody",
            config: base,
            environment: &[("AWS_PROFILE", "nobody")],
            ..PLAIN
        },
        of("no such profile", base, "nobody"),
        config(
            "indented keys",
            default("  aws_access_key_id = AKIABASE\n  aws_secret_access_key = s\n"),
        ),
        config("colons", default("aws_access_key_id: AKIABASE\naws_secret_access_key: s\n")),
        config("no blanks", default("aws_access_key_id=AKIABASE\naws_secret_access_key=s\n")),
        config("upper case", default("AWS_ACCESS_KEY_ID = AKIABASE\nAws_Secret_Access_Key = s\n")),
        config(
            "CRLF",
            "[default]\r\naws_access_key_id = AKIABASE\r\naws_secret_access_key = s\r\n",
        ),
        config(
            "no newline at the end",
            "[default]\naws_access_key_id = AKIABASE\naws_secret_access_key = s",
        ),
        config(
            "comment after a value",
            default(
                "aws_access_key_id = AKIABASE\naws_secret_access_key = s\noutput = json ; really\n",
            ),
        ),
        config(
            "comment of its own",
            default("# mine\naws_access_key_id = AKIABASE\n; too\naws_secret_access_key = s\n"),
        ),
        config(
            "indented comment",
            default(
                "aws_access_key_id = AKIABASE\naws_secret_access_key = s\nregion = us-west-2\n  # the cheap one\n",
            ),
        ),
        config(
            "empty lines",
            default("\naws_access_key_id = AKIABASE\n\n\naws_secret_access_key = s\n\n"),
        ),
        config(
            "equals in a value",
            default("aws_access_key_id = AKIABASE\naws_secret_access_key = s=t\n"),
        ),
        config(
            "nested s3",
            default(
                "s3 =\n  max_concurrent_requests = 20\n  addressing_style = path\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n",
            ),
        ),
        config("byte order mark", leak(format!("\u{feff}[default]\n{KEYS}"))),
        config("section twice", leak(format!("[default]\nregion = x\n[default]\n{KEYS}"))),
        config(
            "key twice",
            default(
                "aws_access_key_id = AKIAOLD\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n",
            ),
        ),
        config(
            "bad line in another profile",
            leak(format!("[profile other]\nno setting at all\n[default]\n{KEYS}")),
        ),
        config(
            "a nested line without a value in another profile",
            leak(format!("[profile o]\ns3 =\n  nonsense\n[default]\n{KEYS}")),
        ),
        of(
            "bad line in this profile",
            leak(format!("[profile bad]\nno setting at all\n{KEYS}")),
            "bad",
        ),
        config("text before the first header", leak(format!("hello\n[default]\n{KEYS}"))),
        Case {
            name: "bad line, keys in the environment",
            config: "[profile x]\nregion = us-west-2\n",
            environment: IN_ENVIRONMENT,
            ..PLAIN
        },
        of("quoted name", leak(format!("[profile \"my work\"]\n{KEYS}")), "my work"),
        of("single quotes", leak(format!("[profile 'a (b)']\n{KEYS}")), "a (b)"),
        of("name with a hash", leak(format!("[profile a#b]\n{KEYS}")), "a#b"),
        of("name with an umlaut", leak(format!("[profile büro]\n{KEYS}")), "büro"),
        of("name with a slash and at", leak(format!("[profile a/b@c]\n{KEYS}")), "a/b@c"),
        of("blanks without quotes", leak(format!("[profile my work]\n{KEYS}")), "my work"),
        of("no profile word", leak(format!("[work]\n{KEYS}")), "work"),
        of("tab after profile", leak(format!("[profile\twork]\n{KEYS}")), "work"),
        of("indented header", leak(format!("  [profile work]\n{KEYS}")), "work"),
        of("junk after a header", leak(format!("[profile work] junk\n{KEYS}")), "work"),
        of("comment after a header", leak(format!("[profile work] # mine\n{KEYS}")), "work"),
        config("default as a profile", leak(format!("[profile default]\n{KEYS}"))),
        of("role", role(""), "r"),
        of(
            "role with a session and an id",
            role("role_session_name = me\nexternal_id = x1\nduration_seconds = 900\n"),
            "r",
        ),
        of(
            "role over a quoted name",
            leak(format!(
                "[profile 'b c']\n{KEYS}[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = b c\n"
            )),
            "r",
        ),
        of(
            "role over a role",
            leak(format!(
                "{}[profile s]\nrole_arn = arn:aws:iam::123456789012:role/two\nsource_profile = r\n",
                role("")
            )),
            "s",
        ),
        of(
            "role over itself",
            leak(format!(
                "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = r\n{KEYS}"
            )),
            "r",
        ),
        of(
            "role over nobody",
            "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = nobody\n",
            "r",
        ),
        of(
            "roles in a circle",
            "[profile r]\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = s\n[profile s]\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = r\n",
            "r",
        ),
        Case {
            name: "role by the environment",
            config: "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\ncredential_source = Environment\n",
            profile: Some("r"),
            environment: IN_ENVIRONMENT,
            ..PLAIN
        },
        Case {
            name: "role whose source is in credentials",
            config: "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = base\n",
            credentials: base_as_credentials(),
            profile: Some("r"),
            ..PLAIN
        },
        of("role that wants a code", role("mfa_serial = arn:aws:iam::123456789012:mfa/me\n"), "r"),
        config("process", default(process)),
        config("process before keys of config", default(leak(format!("{KEYS}{process}\n")))),
        Case {
            name: "keys of credentials before a process",
            config: default(process),
            credentials: default(KEYS),
            ..PLAIN
        },
        of(
            "role over a process",
            leak(format!(
                "[profile base]\n{process}\n[profile r]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = base\n"
            )),
            "r",
        ),
        config("process that fails", default("credential_process = /bin/false")),
        config("process that is not there", default("credential_process = /nowhere/at/all")),
        config("process that talks nonsense", default("credential_process = /bin/echo hello")),
        config(
            "process that needs a shell",
            default("credential_process = /bin/echo $HOME | /bin/cat"),
        ),
        config("half of the keys", default("aws_access_key_id = AKIABASE\n")),
        config("empty keys", default("aws_access_key_id =\naws_secret_access_key =\n")),
    ]
}

const fn base_as_credentials() -> &'static str {
    "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
}
