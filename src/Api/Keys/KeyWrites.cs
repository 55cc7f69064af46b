using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>The write that a PUT or DELETE of a key asks for, inside a transaction or not.</summary>
internal static class KeyWrites
{
    public const string TimeToLiveParameter = "ttl";

    /// <summary>Reads the body last, so that what is wrong before it is said without it.</summary>
    public static async ValueTask<KeyWrite> ReadPutAsync(HttpContext context, KeyRequest request, int maxValueBytes)
    {
        var key = request.RequireKey();
        var condition = EntityTags.ReadWriteCondition(context.Request.Headers);
        var timeToLive = TimeToLive.Parse(request.Query.Text(TimeToLiveParameter));
        var contentType = MediaType.Check(Headers.Single(context.Request.Headers.ContentType, "Content-Type"));
        var value = await BodyReader.ReadAsync(context, maxValueBytes, ErrorCode.ValueTooLarge);
        return new KeyWrite(key, WriteKind.Put, value, contentType, condition, timeToLive);
    }

    public static KeyWrite ReadDelete(HttpContext context, KeyRequest request)
    {
        var key = request.RequireKey();
        var condition = EntityTags.ReadWriteCondition(context.Request.Headers);
        return new KeyWrite(key, WriteKind.Delete, ReadOnlyMemory<byte>.Empty, "", condition, TimeToLive: null);
    }
}
