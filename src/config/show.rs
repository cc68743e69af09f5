//! The configuration in force, as text.

use std::fmt::Write as _;

use super::{Config, Org, OrgHook, Way, shown_url};

/// Returns the table of an org. It shows which credentials belong to which org, never the credentials.
fn org_table(org: &Org, config: &Config) -> String {
    let several = config.orgs.len() > 1;
    let mut lines = vec![if several { "\n[[org]]" } else { "\n[org]" }.to_owned()];
    if let Some(name) = &org.name {
        lines.push(format!("name = {}", quoted(name.as_str())));
    }
    lines.push(format!("url = {}  # from the {}", quoted(&shown_url(&org.url)), org.url_from));
    lines.push(match &org.way {
        Some(Way::Token(source)) => format!("# token: {source}"),
        Some(Way::Service(service)) => format!(
            "# service app: {}, private key from {}, scopes {}",
            crate::consent::visible(&service.client_id),
            service.private_key,
            crate::consent::visible(&service.scopes.join(" "))
        ),
        None => "# no credentials".to_owned(),
    });
    if let Some(ca) = &org.ca_file {
        lines.push(format!("ca_file = {}", quoted(&ca.to_string_lossy())));
    }
    if org.authorization_server != config.readiness.authorization_server {
        lines.push(format!("authorization_server = {}", quoted(&org.authorization_server)));
    }
    if org.hook != OrgHook::default() {
        lines.push("[org.hook]".to_owned());
        lines.extend(org.hook.secret.as_ref().map(|source| format!("# secret: {source}")));
        lines.extend(org.hook.previous_secret.as_ref().map(|source| format!("# previous secret: {source}")));
        lines.extend(org.hook.public_url.as_ref().map(|url| format!("public_url = {}", quoted(url))));
    }
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns the configuration in force as TOML. It shows where secrets come from, never the secrets.
pub fn show(config: &Config) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("a String takes whatever is written");
    let path = |path: &Option<std::path::PathBuf>| match path {
        Some(path) => crate::consent::visible(&path.to_string_lossy()).into_owned(),
        None => "none".to_owned(),
    };
    line(format!("# file: {}", path(&config.file)));
    line(format!("# data: {}", path(&config.data_dir)));
    if config.orgs.is_empty() {
        line("\n[org]\n# no org is set\n# no credentials".into());
    }
    for org in &config.orgs {
        line(org_table(org, config));
    }
    if let Some(proxy) = &config.proxy {
        let shown = proxy.read().map_or_else(|_| "cannot be used".to_owned(), |proxy| proxy.shown);
        line(format!("# proxy: {shown}, from {}", crate::consent::visible(&proxy.from)));
    }
    let poll = &config.poll;
    let kinds: Vec<String> = poll.events.iter().map(|kind| quoted(kind.word())).collect();
    line(format!(
        "\n[poll]\ninterval = \"{}s\"\nlookback = \"{}s\"",
        poll.interval.as_secs(),
        poll.lookback.as_secs()
    ));
    line(format!(
        "page_size = {}\nrate_share = {}\nevents = [{}]\nnames = {}",
        poll.page_size,
        poll.rate_share,
        kinds.join(", "),
        poll.names
    ));
    let hook = &config.hook;
    line(format!(
        "\n[hook]\nenabled = {}\nlisten = {}\npath = {}",
        hook.enabled,
        quoted(&hook.listen.to_string()),
        quoted(&hook.path)
    ));
    match &hook.secret {
        Some(source) => line(format!("# secret: {source}")),
        None => line("# no secret".into()),
    }
    if let Some(source) = &hook.previous_secret {
        line(format!("# previous secret: {source}"));
    }
    if let Some((certificate, key)) = &hook.tls {
        let quoted = |path: &std::path::Path| quoted(&path.to_string_lossy());
        line(format!("tls_cert = {}\ntls_key = {}", quoted(certificate), quoted(key)));
    }
    line(format!("behind_proxy = {}", hook.behind_proxy));
    if let Some(url) = &hook.public_url {
        line(format!("public_url = {}", quoted(url)));
    }
    let readiness = &config.readiness;
    line(format!(
        "\n[readiness]\nauthorization_server = {}\ninterval = \"{}s\"",
        quoted(&readiness.authorization_server),
        readiness.interval.as_secs()
    ));
    line("\n[journal]".into());
    if let Some(name) = &config.journal.name {
        line(format!("name = {}", quoted(name)));
    }
    line(format!("keep_days = {}\nkeep_rows = {}", config.journal.keep_days, config.journal.keep_rows));
    let ui = &config.ui;
    line(format!(
        "\n[ui]\ntheme = {}\ntime_zone = {}\nclock = {}\nmouse = {}\ntitle = {}\nmax_fps = {}\nbytes_per_second = {}\nclipboard = {}",
        quoted(ui.theme),
        quoted(&ui.time_zone),
        ui.clock,
        ui.mouse,
        ui.title,
        ui.max_fps,
        ui.bytes_per_second,
        quoted(if ui.clipboard { "osc52" } else { "off" })
    ));
    if let Some(columns) = &ui.columns {
        let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        line(format!("columns = [{}]", columns.join(", ")));
    }
    let snapshot = &config.snapshot;
    line(format!("\n[snapshot]\non_exit = {}\nkeep = {}", snapshot.on_exit, snapshot.keep));
    if let Some(dir) = &snapshot.dir {
        line(format!("dir = {}", quoted(&dir.to_string_lossy())));
    }
    if let Some(every) = snapshot.every {
        line(format!("every = \"{}s\"", every.as_secs()));
    }
    let team = &config.team;
    if team.is_set() {
        line("\n[team]".into());
        if let Some(url) = &team.url {
            line(format!("url = {}", quoted(url)));
        }
        let files = [
            ("url_file", &team.url_file),
            ("nkey_file", &team.nkey_file),
            ("creds_file", &team.creds_file),
            ("ca_file", &team.ca_file),
        ];
        for (key, file) in files {
            if let Some(path) = file {
                line(format!("{key} = {}", quoted(&path.to_string_lossy())));
            }
        }
    }
    if !config.filters.is_empty() {
        line("\n[filters]".into());
        for (name, query) in &config.filters {
            line(format!("{} = {}", quoted(name), quoted(&query.value)));
        }
    }
    if !config.keys.is_empty() {
        line("\n[keys]".into());
        for (command, keys) in &config.keys {
            let keys: Vec<String> = keys.value.iter().map(|key| quoted(key)).collect();
            line(format!("{} = [{}]", quoted(command), keys.join(", ")));
        }
    }
    out
}
