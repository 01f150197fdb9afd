"""What a container engine asks: is this process ready to work?  Exit code 0 when it is, 1 when it is not.

Every process answers on METRICS_PORT, whatever its roles; where that is off, the web role answers on PORT.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

port = int(os.environ.get("METRICS_PORT", "9464")) or int(os.environ.get("PORT", "8080"))
try:
    connection = HTTPConnection("127.0.0.1", port, timeout=4)
    connection.request("GET", "/readyz")
    sys.exit(connection.getresponse().status != 200)
except (OSError, HTTPException) as error:
    sys.exit(f"port {port}: {error}")
