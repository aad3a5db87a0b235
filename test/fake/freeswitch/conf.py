# SPDX-License-Identifier: Apache-2.0
"""What `xml_locate` says of the configuration, in FreeSWITCH's own layout: an empty
line behind each <param>."""

from xml.sax.saxutils import quoteattr


def params(pairs, indent):
    return "".join(
        "%s<param name=%s value=%s></param>\n\n"
        % (" " * indent, quoteattr(k), quoteattr(v))
        for k, v in pairs
    )


def switch_conf(switch):
    pairs = [("switchname", switch.name)]
    if switch.calls and switch.calls.store.conninfo:
        pairs.append(
            (
                "core-db-dsn",
                "pgsql://%s application_name=%s"
                % (switch.calls.store.conninfo, switch.name),
            )
        )
    pairs += [
        ("auto-create-schemas", "true"),
        ("auto-clear-sql", "true"),
        ("max-sessions", str(switch.max_sessions)),
        ("sessions-per-second", str(switch.max_rate)),
        ("loglevel", "info"),
        ("rtp-start-port", str(switch.rtp_first)),
        ("rtp-end-port", str(switch.rtp_last)),
        ("min-idle-cpu", str(switch.min_idle)),
        ("event-heartbeat-interval", str(switch.heartbeat_s)),
    ]
    if switch.robust:
        pairs.append(("rtp-port-usage-robustness", "true"))
    return "     <settings>\n" + params(pairs, 8) + "   </settings>\n\n"


def modules(names):
    text = "     <modules>\n"
    for name in names:
        text += '        <load module="%s"></load>\n\n' % name
    return text + "   </modules>\n\n"


def preload_conf(switch):
    return modules(["mod_pgsql"]) if switch.preload else None


def modules_conf(switch):
    names = "console event_socket commands dptools conference sofia dialplan_xml"
    out = ["mod_" + n for n in names.split()]
    return modules(out if switch.preload else ["mod_pgsql"] + out)


def sofia_conf(switch):
    pairs = [
        ("track-calls", "true" if switch.track_calls else "false"),
        ("sip-ip", switch.ip),
        ("sip-port", "5060"),
        ("rtp-ip", switch.ip),
        ("context", "default"),
        ("dialplan", "XML"),
        ("auth-calls", "false"),
        ("user-agent-string", "FS-" + switch.name),
    ]
    return (
        "     <profiles>\n        <profile name=%s>\n           <settings>\n"
        % quoteattr(switch.profile)
        + params(pairs, 14)
        + "     </settings>\n\n    </profile>\n\n   </profiles>\n\n"
    )


CONFIGURATIONS = {
    "switch.conf": switch_conf,
    "pre_load_modules.conf": preload_conf,
    "modules.conf": modules_conf,
    "sofia.conf": sofia_conf,
}


def configuration(switch, name):
    function = CONFIGURATIONS.get(name)
    body = function(switch) if function else None
    if body is None:
        return None
    return '<configuration name="%s">\n%s  </configuration>\n' % (name, body)
