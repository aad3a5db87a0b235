# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 2.0 with OpenSIPS' habits.  Source: captured from 3.6.8; mi/item.c,
mi/mi.c."""
import json
import threading

INT_MAX = 2147483647


class MiError(Exception):
    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Later:
    """What a command that goes on will have said: a value or an MiError."""

    def __init__(self):
        self.is_set, self.value = False, None
        self.lock, self.takers = threading.Lock(), []

    def set(self, value):
        with self.lock:
            if self.is_set:
                return
            self.is_set, self.value = True, value
            takers, self.takers = self.takers, []
        for take in takers:
            take(value)

    def then(self, take):
        with self.lock:
            if not self.is_set:
                self.takers.append(take)
                return
        take(self.value)


def dump(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def shown_id(request_id):
    """An id comes back as it came, but that integers are of 32 bits."""
    if isinstance(request_id, bool):
        return None
    if isinstance(request_id, (int, float)):
        return max(-INT_MAX - 1, min(INT_MAX, int(request_id)))
    return request_id


def result(value, request_id):
    return dump({'jsonrpc': '2.0', 'result': value,
                 'id': shown_id(request_id)})


def error(e, request_id):
    body = {'code': e.code, 'message': e.message}
    if e.data is not None:
        body['data'] = e.data
    return dump({'jsonrpc': '2.0', 'error': body,
                 'id': shown_id(request_id)})


PARSE_ERROR = MiError(-32700, 'Parse error')
INVALID = MiError(-32600, 'Invalid Request')


def parse(text):
    """The request, or None when it is no JSON.  FIFO and datagram stop at its
    end, whatever follows.  Control characters in texts are taken, as cJSON does.
    """
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except ValueError:
        return None


def chosen(recipes, params):
    """The parameters by name, as one of the recipes (tuples of names) has
    them."""
    data = None
    if params is None:
        params = {}
    if isinstance(params, list) and params:
        fit = [r for r in recipes if len(r) == len(params)]
        if recipes.named_only:
            data = 'Command only supports named parameters'
        elif not fit:
            data = 'Too few or too many parameters'
        elif len(fit) > 1:
            data = 'Ambiguous call, use named parameters instead'
        else:
            return dict(zip(fit[0], params))
    else:
        params = params or {}
        fit = [r for r in recipes if len(r) == len(params)]
        if not fit:
            data = 'Too few or too many parameters'
        elif not [r for r in fit if set(r) == set(params)]:
            data = 'Named parameters do not match'
        else:
            return params
    raise MiError(-32602, 'Invalid params', data)


class Recipes(list):
    def __init__(self, recipes, named_only=False):
        super().__init__(recipes)
        self.named_only = named_only


def promised(value, request_id, is_wanted):
    text = Later()

    def done(said):
        if not is_wanted:
            text.set(None)
        elif isinstance(said, MiError):
            text.set(error(said, request_id))
        else:
            text.set(result(said, request_id))

    value.then(done)
    return text


def answer(state, commands, request):
    """The reply as text; None: there is none, it was a notification; a Later of
    the text."""
    if not isinstance(request, dict):
        return error(INVALID, None)
    request_id = request.get('id')
    try:
        if request.get('jsonrpc') != '2.0' or 'method' not in request:
            raise INVALID
        command = commands.get(request['method'])
        if not command or request['method'] not in state.commands:
            raise MiError(-32601, 'Method not found')
        recipes, function = command
        params = chosen(recipes, request.get('params'))
        with state.lock:
            value = function(state, **params)
        if isinstance(value, Later):
            return promised(value, request_id, 'id' in request)
        reply = result(value, request_id)
    except MiError as e:
        reply = error(e, request_id)
    return reply if 'id' in request else None
