"""A Tencent Cloud Chat that lives on this machine (sources-wechat.md A8).

``model`` is its official accounts, with all that real ones do wrong.
"""
