# SPDX-License-Identifier: Apache-2.0
"""What rtpengine_offer and rtpengine_answer do to an SDP, by NG to a real
rtpengine."""


class Media:
    def __init__(self, s, endpoint):
        self.s, self.ep = s, endpoint

    def change(self, kind, d, m, side, then):
        return then(m.body)
