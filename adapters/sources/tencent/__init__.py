"""The source ``tencent``: official accounts of a Tencent Cloud Chat app (sources-wechat.md, Part A)."""
