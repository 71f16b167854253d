//! The system's time zone, for sessions that do not set one.

use argus_plan::setting::time_zone;

const ZONE_INFO: &str = "zoneinfo/";

/// The IANA name of `TZ`, else of `/etc/localtime`, else UTC.
pub fn system_zone() -> String {
    let variable = std::env::var("TZ").ok().map(|name| name.trim_start_matches(':').to_owned());
    let link = std::fs::read_link("/etc/localtime").ok();
    let linked = link.as_deref().and_then(|path| path.to_str()).and_then(zone_of_path);
    let candidates = variable.into_iter().chain(linked);
    let known = |name: &String| !name.is_empty() && time_zone(name).is_some();
    candidates.into_iter().find(known).unwrap_or_else(|| "UTC".to_owned())
}

fn zone_of_path(path: &str) -> Option<String> {
    let (_, name) = path.rsplit_once(ZONE_INFO)?;
    Some(if matches!(name, "Etc/UTC" | "UCT" | "Zulu") {
        "UTC".to_owned()
    } else {
        name.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_of_links() {
        let zone = |path: &str| zone_of_path(path).unwrap_or_default();
        assert_eq!(zone("/usr/share/zoneinfo/Europe/Berlin"), "Europe/Berlin");
        assert_eq!(zone("../usr/share/zoneinfo/Etc/UTC"), "UTC");
        assert_eq!(zone("/etc/other"), "");
    }
}
