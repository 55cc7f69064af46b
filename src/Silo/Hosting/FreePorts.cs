using System.Net;
using System.Net.Sockets;

namespace GrainDb.Silo.Hosting;

/// <summary>
/// Ports that nobody uses now. Another process may take one before it is bound again; the start then fails with the usual message for a
/// taken port. Orleans needs to know its port before it binds, so there is no better way.
/// </summary>
public static class FreePorts
{
    /// <summary>Distinct free ports of an address.</summary>
    public static int[] Take(IPAddress address, int count)
    {
        ArgumentNullException.ThrowIfNull(address);
        var listeners = new List<Socket>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                listeners.Add(listener);
                listener.Bind(new IPEndPoint(address, 0));
                listener.Listen(1); // a port that is bound but not listened on can be handed out twice
            }

            return listeners.Select(listener => ((IPEndPoint)listener.LocalEndPoint!).Port).ToArray();
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }

    /// <summary>Says which setting names a port that is in use, before anything is started.</summary>
    /// <exception cref="StartRefusedException">The port cannot be bound.</exception>
    public static void RequireFree(string setting, IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        using var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(1);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new StartRefusedException($"{setting} {port}: the port is in use on {address}", exception);
        }
        catch (SocketException exception)
        {
            throw new StartRefusedException($"{setting} {port}: cannot be bound on {address}: {exception.Message}", exception);
        }
    }
}
