//! The configuration in force, as text.

use std::fmt::Write as _;

use super::Config;

/// Prints the configuration in force as TOML. Secrets are named by where they come from, never shown.
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
    match &config.org.url {
        Some(url) => line(format!("url = {}  # from the {}", quoted(url), config.org.url_from)),
        None => line("# no org is named".into()),
    }
    match (&config.org.token, &config.org.client_id) {
        (Some(source), _) => line(format!("# token: {source}")),
        (None, Some(client)) => line(format!("# service app: {}", crate::consent::visible(client))),
        (None, None) => line("# no credentials".into()),
    }
    if let Some(ca) = &config.org.ca_file {
        line(format!("ca_file = {}", quoted(&ca.to_string_lossy())));
    }
    let poll = &config.poll;
    let kinds: Vec<String> = poll.events.iter().map(|kind| quoted(kind.word())).collect();
    line(format!(
        "\n[poll]\ninterval = \"{}s\"\nlookback = \"{}s\"",
        poll.interval.as_secs(),
        poll.lookback.as_secs()
    ));
    line(format!(
        "page_size = {}\nrate_share = {}\nevents = [{}]",
        poll.page_size,
        poll.rate_share,
        kinds.join(", ")
    ));
    let hook = &config.hook;
    line(format!(
        "\n[hook]\nenabled = {}\nlisten = {}\npath = {}",
        hook.enabled,
        quoted(&hook.listen),
        quoted(&hook.path)
    ));
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
        "\n[ui]\ntheme = {}\ntime_zone = {}\nmouse = {}\nmax_fps = {}",
        quoted(ui.theme),
        quoted(&ui.time_zone),
        ui.mouse,
        ui.max_fps
    ));
    if !config.filters.is_empty() {
        line("\n[filters]".into());
        for (name, query) in &config.filters {
            line(format!("{} = {}", quoted(name), quoted(query)));
        }
    }
    out
}
