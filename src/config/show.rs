//! The configuration in force, as text.

use std::fmt::Write as _;

use super::{Config, Way};

/// Returns the configuration in force as TOML. It shows where secrets come from, never the secrets.
pub fn show(config: &Config) -> String {
    let mut out = String::new();
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut line = |text: String| writeln!(out, "{text}").expect("a String takes whatever is written");
    let path = |path: &Option<std::path::PathBuf>| match path {
        Some(path) => crate::consent::visible(&path.to_string_lossy()).into_owned(),
        None => "none".to_owned(),
    };
    line(format!("# file: {}", path(&config.file)));
    line(format!("# data: {}", path(&config.data_dir)));
    line("\n[org]".into());
    match config.org.shown_url() {
        Some(url) => line(format!("url = {}  # from the {}", quoted(&url), config.org.url_from)),
        None => line("# no org is set".into()),
    }
    match &config.org.way {
        Some(Way::Token(source)) => line(format!("# token: {source}")),
        Some(Way::Service(service)) => line(format!(
            "# service app: {}, private key from {}, scopes {}",
            crate::consent::visible(&service.client_id),
            service.private_key,
            crate::consent::visible(&service.scopes.join(" "))
        )),
        None => line("# no credentials".into()),
    }
    if let Some(ca) = &config.org.ca_file {
        line(format!("ca_file = {}", quoted(&ca.to_string_lossy())));
    }
    if let Some(proxy) = &config.org.proxy {
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
    line(format!(
        "\n[journal]\nkeep_days = {}\nkeep_rows = {}",
        config.journal.keep_days, config.journal.keep_rows
    ));
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
