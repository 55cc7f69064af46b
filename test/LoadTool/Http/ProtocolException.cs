namespace GrainDb.LoadTool.Http;

/// <summary>The server sent something that is not HTTP/1.1 as this client understands it.</summary>
internal sealed class ProtocolException(string message) : Exception(message);
