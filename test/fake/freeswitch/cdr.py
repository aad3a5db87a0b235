# SPDX-License-Identifier: Apache-2.0
"""mod_cdr_csv, legs=ab: a line a leg, with the template of the real lab."""

import time


def stamp(us):
    if not us:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(us // 1000000))


def write(leg, cause, disposition, hung_us):
    """A recovered leg begins when it was recovered, and is billed from its
    answer: billsec is more than duration then, as FreeSWITCH has it."""
    path = leg.switch.cdr
    if not path or leg.vars.get("process_cdr") == "false":
        return
    bill_us = hung_us - leg.answered_us if leg.answered_us else 0
    line = '"%s","%s","%s","%s","%s","%s","%s",dur=%d,bill=%d' % (
        leg.uuid,
        leg.direction,
        leg.profile.get("cid_number", ""),
        leg.profile.get("destination", ""),
        stamp(leg.start_us),
        stamp(leg.answered_us),
        stamp(hung_us),
        round((hung_us - leg.start_us) / 1e6),
        round(bill_us / 1e6),
    )
    line += ',"%s","%s","rec=%s","call_uuid=%s","core=%s","sw=","pcdr=%s","cdr="' % (
        cause,
        disposition,
        leg.vars.get("recovered", ""),
        leg.vars.get("call_uuid", ""),
        leg.switch.uuid,
        leg.vars.get("process_cdr", ""),
    )
    with open(path, "a", encoding="ascii") as f:
        f.write(line + "\n")
