import NIOPosix
import NIOSSL
import NIOTLS
import X509
import SwiftASN1
import Crypto
