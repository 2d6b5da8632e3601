import NIOEmbedded
import Testing
