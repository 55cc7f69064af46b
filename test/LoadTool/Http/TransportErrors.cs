namespace GrainDb.LoadTool.Http;

/// <summary>Names for failures without a response, beside the problem codes of the server.</summary>
internal static class TransportErrors
{
    /// <summary>No connection: the request certainly did not happen.</summary>
    public const string ConnectFailed = "connect_failed";

    /// <summary>The connection broke while the request was under way: the outcome is unknown.</summary>
    public const string ConnectionLost = "connection_lost";

    /// <summary>No response in time: the outcome is unknown.</summary>
    public const string Timeout = "timeout";

    /// <summary>The response is not HTTP as this client understands it.</summary>
    public const string Protocol = "protocol_error";

    /// <summary>A success whose content is wrong.</summary>
    public const string WrongContent = "wrong_content";
}
