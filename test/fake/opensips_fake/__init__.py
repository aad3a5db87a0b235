# SPDX-License-Identifier: Apache-2.0
"""The stand-in for OpenSIPS, in parts:

  main        the command line
  state       what a node knows: tags, links, destinations, numbers
  rpc         JSON-RPC as OpenSIPS speaks it, with its habits
  commands    the MI commands: a table of names, parameters and functions
  mi_dialogs  those of dialogs
  transports  udp, unix datagram, FIFO, HTTP, and the faults they can have
  probing     the OPTIONS and pings that it sends, and answers
  sip         messages and transactions
  b2bua       calls through the node
  dialogs     what it keeps of them, and tells its peers
  moves       dlg_send_sequential
  media       rtpengine, by NG
  cluster     what nodes of one cluster tell each other
  control     the socket that tests change it by
  client      who speaks to that socket

data/ holds captured replies.  Threads share the state under its lock.
"""
