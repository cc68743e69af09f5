//! The subcommands of `hook`.

/// The subcommands of `hook`.
#[derive(clap::Subcommand, Debug)]
pub enum HookCommand {
    /// Lists the org's event hooks that ask for consent events, and whether they deliver here
    Status,
    /// Shows the request that creates an event hook for hook.public_url; sends it only with --yes
    Register {
        /// Sends the request; needs the scope okta.eventHooks.manage and the super administrator role
        #[arg(long)]
        yes: bool,
    },
    /// Asks Okta to verify the hook; Okta then calls the running listener
    Verify,
}
