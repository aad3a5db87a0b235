# SPDX-License-Identifier: Apache-2.0
"""The MI commands of dialogs.  Source: captured from 3.6.8; modules/dialog."""
from . import dialogs as dl, moves
from .commands import COMMANDS, command, whole
from .rpc import MiError

LISTS = ((), ('callid',), ('callid', 'from_tag'), ('index', 'counter'))
# mi_export_t of dialog.c: not all combinations are there
SEQUENTIAL = (('callid',), ('callid', 'mode'), ('callid', 'method'),
              ('callid', 'body'), ('callid', 'mode', 'method'),
              ('callid', 'mode', 'body'), ('callid', 'method', 'body'),
              ('callid', 'method', 'body', 'mode'),
              ('callid', 'method', 'body', 'mode', 'headers'))


def listed(s, with_context, callid=None, from_tag=None, index=None,
           counter=None):
    bind = 'udp:%s:%d' % s.args.sip
    table = s.dialogs
    if callid is not None:
        d = table.find(str(callid))
        if not d or (from_tag is not None and
                     d.legs[dl.CALLER].tag != str(from_tag)):
            raise MiError(404, 'No such dialog')
        return {'Dialog': dl.shown(d, bind, with_context)}
    start, count, out = 0, 0, {}
    if counter is not None:
        start, count = whole(index, 'index'), whole(counter, 'counter')
    if count:
        # what a test says is there and is not, is counted too
        active = s.statistic('dialog:active_dialogs')
        out['count'] = max(table.total(), active)
    out['Dialogs'] = [dl.shown(d, bind, with_context)
                      for d in table.walk(start if count else 0, count)]
    if counter is not None and s.churn:
        table.churn(s.churn)
    return out


@command('dlg_list', *LISTS, named_only=True)
def dlg_list(s, **params):
    return listed(s, False, **params)


@command('dlg_list_ctx', *LISTS, named_only=True)
def dlg_list_ctx(s, **params):
    return listed(s, True, **params)


@command('dlg_send_sequential', *SEQUENTIAL, named_only=True)
def dlg_send_sequential(s, callid, method='INVITE', mode='caller',
                        body='none', headers=''):
    return moves.send(s, str(callid), method, mode, body, headers)


def refuse_backup(s, d):
    if not s.dialogs.is_owner(d):
        raise MiError(403, 'Node is backup for requested dialog')


@command('dlg_push_var', ('dlg_val_name', 'dlg_val_value', 'DID'))
def dlg_push_var(s, dlg_val_name, dlg_val_value, DID):
    """It is told to all with everything else of the dialog.  One that is unknown
    is passed over; one that is another's ends it, after those before."""
    if not isinstance(DID, list):
        raise MiError(-32602, 'Invalid params',
                      "Bad type for parameter 'DID'")
    for name in DID:
        d = s.dialogs.find_id(str(name))
        if d:
            refuse_backup(s, d)
            d.values[str(dlg_val_name)] = str(dlg_val_value)
            s.dialogs.updated(d)
    return 'OK'


@command('dlg_end_dlg', ('dialog_id',), ('dialog_id', 'extra_hdrs'))
def dlg_end_dlg(s, dialog_id, extra_hdrs=''):
    d = s.dialogs.find_id(str(dialog_id))
    if not d:
        raise MiError(404, 'Requested Dialog not found')
    refuse_backup(s, d)
    s.b2bua.end_both(d)
    return 'OK'


@command('dlg_cluster_sync', (), ('sharing_tag',))
def dlg_cluster_sync(s, sharing_tag=None):
    """OK, whatever comes of it."""
    s.wants_again = True
    return 'OK'


__all__ = ['COMMANDS']
